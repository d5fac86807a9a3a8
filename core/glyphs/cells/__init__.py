"""What preparation is made of: paper, fragments, placing; and the score of how well it does."""
