"""Record what a system wrote."""
