"""The process that takes jobs."""
