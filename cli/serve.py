"""`toprank serve`, `toprank worker` and `toprank up`."""
