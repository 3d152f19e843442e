"""The `toprank` command."""
