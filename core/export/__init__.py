"""Generated data sets for OCR: any number of labelled characters or lines of text, in the formats that readers open."""
