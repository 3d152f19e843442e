"""Reads and rules that several features share; no HTTP here."""
