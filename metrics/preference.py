"""How often people prefer a candidate, or find it equally good (Table 1)."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdicts:
    """Counts of annotations by what they prefer."""

    candidate: int = 0
    equal: int = 0
    reference: int = 0

    def __post_init__(self) -> None:
        if min(self.candidate, self.equal, self.reference) < 0:
            raise ValueError("Counts of verdicts cannot be negative.")

    def __add__(self, other: "Verdicts") -> "Verdicts":
        return Verdicts(self.candidate + other.candidate, self.equal + other.equal, self.reference + other.reference)

    @property
    def n(self) -> int:
        """All annotations."""
        return self.candidate + self.equal + self.reference

    @property
    def preference_ratio(self) -> float | None:
        """Share of `candidate` or `equal`, in [0, 1]; None without annotations (paper s4).

        >>> Verdicts(candidate=2, equal=1, reference=1).preference_ratio
        0.75
        """
        return (self.candidate + self.equal) / self.n if self.n else None

    @property
    def parity_line(self) -> float | None:
        """What the ratio would be if candidate and reference were equally good: (1 + share of ties) / 2.

        It is 50 % only without ties. None without annotations.

        >>> Verdicts(candidate=1, equal=2, reference=1).parity_line
        0.75
        """
        return (1 + self.equal / self.n) / 2 if self.n else None

    @property
    def ties_as_half(self) -> float | None:
        """Share of `candidate` plus half the share of `equal`, with parity at 50 %; None without annotations."""
        return (self.candidate + self.equal / 2) / self.n if self.n else None


def mean_over_datasets(ratios: Iterable[float | None]) -> float | None:
    """Unweighted mean of the datasets' ratios (Table 1), so that a dataset judged first does not weigh more.

    None while any dataset has no annotations, since the others' mean would be another number, and without datasets.

    >>> mean_over_datasets([0.2, 0.4])
    0.30000000000000004
    """
    values = list(ratios)
    present = [value for value in values if value is not None]
    return sum(present) / len(values) if values and len(present) == len(values) else None
