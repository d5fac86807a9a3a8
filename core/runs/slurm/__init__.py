"""Runs on a cluster: given to Slurm, found in its tables, stopped through it. Slurm's own programs do the work."""
