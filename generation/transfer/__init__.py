"""Checkpoints between the web app's store and machines that do not share it, in both directions."""
