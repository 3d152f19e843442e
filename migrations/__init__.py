"""The history of the schema, each step reversible."""
