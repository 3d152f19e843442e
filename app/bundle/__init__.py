"""A study as one file, from which its tables are recomputed elsewhere."""
