"""`toprank generate`."""
