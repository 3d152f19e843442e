"""Bringing texts in and cutting them to passages."""
