"""Downstream tasks by lm-evaluation-harness (paper B.4)."""
