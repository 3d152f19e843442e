"""/api/v1: what programs use, put together from the features' api modules."""
