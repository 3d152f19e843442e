"""The process that trains for a worker: `generation.child` says why it is one of its own."""

import sys

from generation.child import read_order
from hyperfitting.job import HyperfitOrder, train


def main() -> None:
    """Entry of the child."""
    sys.exit(train(HyperfitOrder(**read_order())))


if __name__ == "__main__":
    main()
