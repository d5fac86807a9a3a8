"""Screens fetch values and hand them down to widgets; what widgets say, they decide."""
