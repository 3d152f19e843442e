"""Generation of continuations and scores by workers; holds no web code."""
