"""Glyphs in, checkpoints out: networks, losses, the training step and loop, sampling."""
