"""The checkpoints that systems are made of."""
