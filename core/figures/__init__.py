"""The pictures a run leaves at its end: grid, traversal, losses, progress.

`finish.draw_all` is the door. Pictures for people are dark ink on white paper. Only losses.py and artists.py import
matplotlib, and never pyplot: a program that imports this package keeps its own backend and settings.
"""
