"""Is what the generator draws any good? An independent reader, and what it says."""
