"""Engines turn prompts into continuations; one interface, a page for each."""
