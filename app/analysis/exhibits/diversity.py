"""Tables 2 and 5, Figure 3: what texts have in common with each other and with the training set."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Cell, Column, Drawing, Exhibit, Kind
from app.analysis.reported import REPORTED
from metrics.likeness_signatures import (
    dataset_bleu_signature,
    longest_overlap_signature,
    overlap_share_signature,
    self_bleu_signature,
)
from metrics.plots.distributions import distributions
from metrics.plots.heatmap import heatmap
from metrics.plots.ranges import Panel, Range, ranges
from metrics.plots.style import Theme

NOT_MEASURED = "Nothing is measured yet: start it above, or by `toprank measure`."
NO_TRAINING_SET = "No system names a training set; name one by `toprank measure STUDY --now --training FILE`."
LONG_OVERLAP = 10

_TABLE_2 = (
    Column("system", "System"),
    Column("self_bleu_mean", "Self-BLEU, mean", Kind.SHARE),
    Column("self_bleu_max", "Self-BLEU, max", Kind.SHARE),
    Column("dataset_bleu_mean", "Dataset BLEU, mean", Kind.SHARE),
    Column("dataset_bleu_max", "Dataset BLEU, max", Kind.SHARE),
    Column("overlap_mean", "Overlap, mean", Kind.NUMBER),
    Column("overlap_max", "Overlap, max", Kind.COUNT),
    Column("texts", "n", Kind.COUNT),
)
_FIGURE_3 = (
    Column("system", "System"),
    Column("mean", "Mean", Kind.NUMBER),
    Column("median", "Median", Kind.NUMBER),
    Column("longest", "Longest", Kind.COUNT),
    Column("beyond_10", "Beyond 10 tokens", Kind.SHARE),
    Column("texts", "n", Kind.COUNT),
)


def table_2(evidence: Evidence) -> Exhibit:
    """Systems: of each text the highest likeness to another text, and to the training set; their mean and maximum."""
    rows = tuple(_row(system.name, found) for system, found in evidence.measured)
    return Exhibit(
        key="table-2",
        name="Table 2",
        title=_most_diverse(rows),
        caption="How much a text resembles the most similar other text of its system and the most similar 96 tokens "
        "of the training set, and its longest run of tokens that stands there: mean and maximum over texts.",
        columns=_TABLE_2,
        rows=rows,
        signatures=_signatures(evidence),
        notes=_notes(evidence),
        missing=None if rows else NOT_MEASURED,
        draw=_dots(rows) if rows else None,
    )


def figure_3(evidence: Evidence) -> Exhibit:
    """How long the longest overlaps with the training set are, by system."""
    longest = {system.name: np.array(found["overlap_longest"]) for system, found in _against(evidence)}
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            name,
            float(values.mean()),
            float(np.median(values)),
            int(values.max()),
            float((values > LONG_OVERLAP).mean()),
            len(values),
        )
        for name, values in longest.items()
    )
    return Exhibit(
        key="figure-3",
        name="Figure 3",
        title=_longest(rows),
        caption="The longest run of tokens of each text that stands in the training set; first 96 tokens.",
        columns=_FIGURE_3,
        rows=rows,
        signatures=_signatures(evidence)[2:3],
        notes=_notes(evidence),
        reported=REPORTED["figure-3"],
        missing=None if rows else _why(evidence),
        draw=(lambda theme: distributions(longest, unit="tokens of the longest overlap", theme=theme))
        if rows
        else None,
    )


def table_5(evidence: Evidence) -> Exhibit:
    """System x dataset: share of texts with a run of more than 5 tokens that stands in the training set."""
    names = [dataset.name for dataset in evidence.datasets]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (system.name, *(found["overlap_share"].get(name) for name in names), found["texts"])
        for system, found in _against(evidence)
    )
    return Exhibit(
        key="table-5",
        name="Table 5",
        title=_most_overlap(rows, names),
        caption="Share of continuations with more than 5 tokens in a row that stand in the training set, computed "
        "afterwards for every system, blocked or not.",
        columns=(
            Column("system", "System"),
            *(Column(name, name, Kind.SHARE) for name in names),
            Column("texts", "n", Kind.COUNT),
        ),
        rows=rows,
        signatures=_signatures(evidence)[3:],
        notes=_notes(evidence),
        missing=None if rows else _why(evidence),
        draw=_shares(rows, names) if rows else None,
    )


def _against(evidence: Evidence) -> list[tuple[Any, dict[str, Any]]]:
    """The systems that were held against a training set."""
    return [(system, found) for system, found in evidence.measured if "overlap_longest" in found]


def _why(evidence: Evidence) -> str:
    return NO_TRAINING_SET if evidence.measured else NOT_MEASURED


def _signatures(evidence: Evidence) -> tuple[str, ...]:
    n = sum(found["texts"] for _, found in evidence.measured)
    samples = max((found["samples"] for _, found in evidence.measured), default=0)
    of_samples = (dataset_bleu_signature, longest_overlap_signature, overlap_share_signature)
    against = [str(make(n, samples=samples, tokenizer=evidence.tokenizer)) for make in of_samples]
    return (str(self_bleu_signature(n, tokenizer=evidence.tokenizer)), *(against if samples else ()))


def _notes(evidence: Evidence) -> tuple[str, ...]:
    if evidence.measured and evidence.is_outdated:
        return ("Texts of some systems changed since they were measured.",)
    return ()


def _row(name: str, found: dict[str, Any]) -> tuple[Cell, ...]:
    return (name, *(found.get(column.key) for column in _TABLE_2[1:]))


def _dots(rows: tuple[tuple[Cell, ...], ...]) -> Drawing:
    names = [str(row[0]) for row in rows]

    def column(at: int) -> list[Range]:
        return [Range(value if isinstance(value := row[at], float) else None) for row in rows]

    def draw(theme: Theme) -> Figure:
        panels = [Panel("Self-BLEU", {"mean": column(1), "max": column(2)})]
        if any(row[3] is not None for row in rows):
            panels.append(Panel("Dataset BLEU", {"mean": column(3), "max": column(4)}))
        return ranges(names, panels, unit="BLEU", theme=theme, limits=(0, 1))

    return draw


def _shares(rows: tuple[tuple[Cell, ...], ...], names: list[str]) -> Drawing:
    values = np.array([row[1:-1] for row in rows], dtype=np.float64)

    def draw(theme: Theme) -> Figure:
        systems = [str(row[0]) for row in rows]
        return heatmap(values, systems, names, unit="% of texts with an overlap of more than 5 tokens", theme=theme)

    return draw


def _most_diverse(rows: tuple[tuple[Cell, ...], ...]) -> str:
    known = [(row[1], row[0]) for row in rows if isinstance(row[1], float)]
    if not known:
        return "Too few texts to compare"
    score, name = min(known)
    return f"{name} is most diverse: its texts resemble the nearest other one with a BLEU of {100 * score:.1f} %"


def _longest(rows: tuple[tuple[Cell, ...], ...]) -> str:
    if not rows:
        return "Nothing is held against a training set yet"
    most = max(rows, key=lambda row: float(str(row[4])))
    return f"At most {100 * float(str(most[4])):.1f} % of a system’s texts recite more than 10 tokens ({most[0]})"


def _most_overlap(rows: tuple[tuple[Cell, ...], ...], names: list[str]) -> str:
    known = [
        (share, str(row[0]), name)
        for row in rows
        for share, name in zip(row[1:-1], names, strict=True)
        if isinstance(share, float)
    ]
    if not known:
        return "Nothing is held against a training set yet"
    share, system, name = max(known)
    return f"{system} overlaps most on {name}: {100 * share:.0f} % of its texts"
