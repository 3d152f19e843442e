"""The generate job."""
