"""Parts of screens: plain values in, messages out. Nothing in here knows of runs, files of runs or the index."""
