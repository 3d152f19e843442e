"""`toprank demo`."""
