"""Autoregressive image models (paper s7.1, B.1)."""
