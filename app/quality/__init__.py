"""How annotators work, and what a researcher decides about it."""
