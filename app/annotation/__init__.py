"""Handing comparisons to annotators and keeping what they say."""
