"""Every judgement, out of the database."""
