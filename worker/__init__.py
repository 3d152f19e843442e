"""The process that takes jobs; it may import everything."""
