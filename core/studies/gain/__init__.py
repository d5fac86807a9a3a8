"""What generated characters add to a recogniser that has few real ones: row 3 of the score card, as an experiment."""
