"""Leave jobs for workers."""
