"""The citation blocker: what a model may not repeat from its training set (paper s3, B.2)."""
