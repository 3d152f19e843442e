"""The process that trains for a worker: `generation.child` says why it is one of its own."""

from generation.child import answer_orders
from hyperfitting.job import HyperfitOrder, train


def main() -> None:
    """Entry of the child."""
    answer_orders(lambda values: train(HyperfitOrder(**values)))


if __name__ == "__main__":
    main()
