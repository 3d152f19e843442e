"""Measurements: each prints one JSON object, with the baseline's time from the same run beside ours."""
