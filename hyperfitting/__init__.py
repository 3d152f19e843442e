"""Fine-tune to near-zero training loss, which cures greedy repetition."""
