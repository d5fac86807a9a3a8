"""etlgan without a screen: glyphs in, labelled handwriting out."""
