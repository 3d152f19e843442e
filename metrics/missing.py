"""What skipped and surplus annotations could change: their rates, and bounds without any assumption about them."""

from dataclasses import dataclass

from metrics.preference import Verdicts


@dataclass(frozen=True)
class Missing:
    """Annotations of one system that are not counted: rates in [0, 1], bounds of the preference ratio in [0, 1].

    `skip_rate` is skipped / all assignments that ended in an answer or a skip, `surplus_rate` surplus / all verdicts
    given. `low` and `high` are the ratio if every skipped comparison had been judged `reference`, or `candidate`;
    `with_surplus` is the ratio with the surplus verdicts counted.
    """

    skip_rate: float
    surplus_rate: float
    low: float
    high: float
    with_surplus: float


def missing(counted: Verdicts, *, skipped: int, surplus: Verdicts) -> Missing | None:
    """Rates and bounds; None without counted annotations. Raises ValueError for a negative count.

    >>> missing(Verdicts(candidate=2, reference=2), skipped=1, surplus=Verdicts()).high
    0.6
    """
    if skipped < 0:
        raise ValueError("Counts of skipped assignments cannot be negative.")
    if counted.n == 0:
        return None
    given = counted + surplus
    positive = counted.candidate + counted.equal
    with_surplus = (given.candidate + given.equal) / given.n
    return Missing(
        skip_rate=skipped / (given.n + skipped),
        surplus_rate=surplus.n / given.n,
        low=positive / (counted.n + skipped),
        high=(positive + skipped) / (counted.n + skipped),
        with_surplus=with_surplus,
    )
