"""The display order: fair, and fixed before anybody looks."""

from scipy.stats import binomtest

from app.annotation.order import candidate_is_first


def test_the_order_is_fifty_fifty_over_ten_thousand() -> None:
    first = sum(
        candidate_is_first(b"secret", comparison_id=comparison, annotator_id=annotator, occasion=0)
        for comparison in range(1000)
        for annotator in range(10)
    )
    assert binomtest(first, 10_000).pvalue > 0.001


def test_the_order_differs_between_studies_but_never_between_loads() -> None:
    orders = {
        secret: [candidate_is_first(secret, comparison_id=k, annotator_id=1, occasion=0) for k in range(64)]
        for secret in (b"one", b"two", b"one")
    }
    assert orders[b"one"] != orders[b"two"]
    assert orders[b"one"] == [
        candidate_is_first(b"one", comparison_id=k, annotator_id=1, occasion=0) for k in range(64)
    ]
