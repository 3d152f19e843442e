"""How far annotators agree on the same comparison.

Every function takes counts of shape (units, categories): how many annotators gave unit u category c. The closed forms
on counts are exact and need no list of annotators. None means that the data do not determine the value; a malformed
table raises ValueError.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Level = Literal["nominal", "ordinal"]


def raw_agreement(counts: ArrayLike) -> float | None:
    """Mean over units of the share of annotator pairs that agree, in [0, 1]; units with one annotation do not count.

    None when no unit has two annotations.

    >>> raw_agreement([[2, 0], [1, 1]])
    0.5
    """
    table = _pairable(counts)
    if len(table) == 0:
        return None
    return float(_agreement_by_unit(table).mean())


def fleiss_kappa(counts: ArrayLike) -> float | None:
    """Fleiss' kappa (1971): agreement beyond what the category shares give by chance, in [-1, 1].

    None without units, or when all annotations are in one category, where chance alone agrees fully. Raises ValueError
    when the units have different numbers of annotations (take Krippendorff's alpha there) or only one each.
    """
    table = _checked(counts)
    if len(table) == 0:
        return None
    ratings = table.sum(axis=1)
    if ratings.min() != ratings.max():
        raise ValueError("Fleiss' kappa needs the same number of annotations for every unit.")
    if ratings[0] < 2:
        raise ValueError("Agreement needs at least two annotations for a unit.")
    shares = table.sum(axis=0) / table.sum()
    by_chance = float(shares @ shares)
    if np.count_nonzero(shares) == 1:
        return None
    return float((_agreement_by_unit(table).mean() - by_chance) / (1 - by_chance))


def krippendorff_alpha(counts: ArrayLike, level: Level = "nominal") -> float | None:
    """Krippendorff's alpha (2011): 1 - observed / expected disagreement; 1 is full agreement, 0 is chance, down to -1.

    For `ordinal` the categories stand in their order. Units with one annotation do not count. None when no unit has two
    annotations or all annotations are in one category (expected disagreement 0).
    """
    table = _pairable(counts)
    totals = table.sum(axis=0)
    if np.count_nonzero(totals) < 2:
        return None
    distance = _squared_distance(totals, level)
    # pairs of different values within a unit, each unit weighted by 1 / (its annotations - 1)
    weights = 1 / (table.sum(axis=1) - 1)
    coincidences = (table * weights[:, None]).T @ table
    observed = float((coincidences * distance).sum())
    expected = float(totals @ distance @ totals)
    return 1 - (float(totals.sum()) - 1) * observed / expected


def _squared_distance(totals: NDArray[np.float64], level: Level) -> NDArray[np.float64]:
    """Squared difference of each pair of categories, shape (categories, categories), with zeros on the diagonal."""
    if level == "nominal":
        return 1 - np.eye(len(totals))
    if level != "ordinal":
        raise ValueError(f"The level of measurement is nominal or ordinal, not {level}.")
    # ranks: how many values lie between the middles of two categories
    middles = np.cumsum(totals) - totals / 2
    return np.asarray((middles[:, None] - middles[None, :]) ** 2, dtype=np.float64)


def _agreement_by_unit(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of agreeing pairs in each unit, shape (units,)."""
    ratings = table.sum(axis=1)
    return np.asarray((table * (table - 1)).sum(axis=1) / (ratings * (ratings - 1)), dtype=np.float64)


def _pairable(counts: ArrayLike) -> NDArray[np.float64]:
    """The units with at least two annotations."""
    table = _checked(counts)
    pairable: NDArray[np.float64] = table[table.sum(axis=1) >= 2]
    return pairable


def _checked(counts: ArrayLike) -> NDArray[np.float64]:
    """The counts as floats. Raises ValueError unless they are whole, not negative, and of shape (units, categories)."""
    table: NDArray[Any] = np.asarray(counts, dtype=np.float64)
    if table.size == 0:
        return np.empty((0, 1))
    if table.ndim != 2:
        raise ValueError("Counts have the shape (units, categories).")
    if not np.isfinite(table).all() or (table < 0).any() or (table != np.floor(table)).any():
        raise ValueError("Counts are whole numbers, not negative.")
    return table
