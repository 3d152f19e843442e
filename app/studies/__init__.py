"""The researchers' view of their studies."""
