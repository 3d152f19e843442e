"""Figure 9: type-token ratios, by what annotators agree on, and along the length of the texts."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sqlalchemy import text

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Column, Drawing, Exhibit, Kind
from app.analysis.exhibits.quality import each_once
from app.analysis.kept import Kept
from app.analysis.rows import REFERENCE, SystemFacts
from metrics.consensus import Consensus, central_share
from metrics.plots.curves import Curve, curves
from metrics.plots.distributions import distributions
from metrics.plots.style import Theme
from metrics.signature import Signature
from metrics.ttr import LENGTH, SCENARIO_WINDOWS, sliding_ttr_of_rows

_TOKENS = text("""
SELECT t.token_ids[1:224] FROM continuation t
JOIN passage p ON p.id = t.passage_id AND p.state = 'accepted' AND NOT p.unjudged
WHERE t.system_id = :system AND cardinality(t.token_ids) >= 224
""")
_sliding: Kept[NDArray[np.float64] | None] = Kept(512)


def figure_9_left(evidence: Evidence) -> Exhibit:
    """TTR of the last 96 tokens where all annotators agree that a text is good, or bad; split in grey."""
    groups = ttr_by_consensus(evidence)
    hidden = {name: int((~central_share(values)).sum()) for name, values in groups.items()}
    some = any(len(values) for values in groups.values())
    return Exhibit(
        key="figure-9-left",
        name="Figure 9, left",
        title=_threshold(groups),
        caption="TTR of the last 96 tokens by consensus: good is candidate or equal from every annotator, bad is the "
        "original from every one, split is the rest.",
        columns=(
            Column("consensus", "Consensus"),
            Column("n", "n", Kind.COUNT),
            Column("mean", "Mean", Kind.SHARE),
            Column("quartile_1", "1st quartile", Kind.SHARE),
            Column("median", "Median", Kind.SHARE),
            Column("quartile_3", "3rd quartile", Kind.SHARE),
            Column("lowest", "Lowest", Kind.SHARE),
            Column("hidden", "Not drawn", Kind.COUNT),
        ),
        rows=tuple((str(name), len(values), *_spread(values), hidden[name]) for name, values in groups.items())
        if some
        else (),
        signatures=(
            str(
                Signature(
                    "TTR by consensus",
                    "all annotators of the quota agree; values outside the 2.5-97.5 % quantiles are not drawn",
                    n=sum(map(len, groups.values())),
                    window=", ".join(str(evidence.scenario_windows[one]) for one in evidence.scenarios),
                    tokenizer=evidence.tokenizer,
                )
            ),
        ),
        missing=None if some else "No comparison has all its annotations yet.",
        draw=_clouds(groups) if some else None,
    )


def figure_9_right(evidence: Evidence) -> Exhibit:
    """Mean TTR of the latest 96 tokens along the length of the texts, by system; and of the originals."""
    means = {system.name: mean for system in evidence.systems if (mean := _mean_sliding(evidence, system)) is not None}
    if evidence.original_sliding is not None:
        means["original text"] = evidence.original_sliding
    lengths = list(range(LENGTH, SCENARIO_WINDOWS[256].stop + 1))
    written = len(means) > ("original text" in means)
    return Exhibit(
        key="figure-9-right",
        name="Figure 9, right",
        title=_steepest(means) if written else "Nothing is written yet",
        caption="Mean TTR of the 96 most recent tokens, by how many tokens have been generated.",
        columns=(Column("length", "Tokens", Kind.COUNT), *(Column(name, name, Kind.SHARE) for name in means)),
        rows=tuple((length, *(float(mean[at]) for mean in means.values())) for at, length in _every(lengths, 16))
        if written
        else (),
        signatures=(
            str(
                Signature(
                    "sliding TTR",
                    "mean over texts of the TTR of the latest 96 tokens, in the system's own tokens",
                    n=sum(one.passages for one in evidence.datasets),
                    unit="contexts",
                    window="sliding 96",
                )
            ),
        ),
        missing=None if written else "No continuation is written yet.",
        draw=_lines(lengths, means) if written else None,
    )


def ttr_by_consensus(evidence: Evidence) -> dict[Consensus, NDArray[np.float64]]:
    """TTR of each judged candidate by what its annotators say of it together; one value for each system's text."""
    counted, written = evidence.counted, evidence.continuations
    said = each_once(counted)
    ids, unit = np.unique(said.comparison, return_inverse=True)
    given = np.bincount(unit, minlength=len(ids))
    bad = np.bincount(unit, weights=said.verdict == REFERENCE, minlength=len(ids))
    judged = written.where((written.wanted > 0) & np.isin(written.comparison, ids))
    at = np.searchsorted(ids, judged.comparison)
    is_full = given[at] >= judged.wanted
    is_good, is_bad = is_full & (bad[at] == 0), is_full & (bad[at] == given[at])
    return {
        Consensus.GOOD: judged.ttr[is_good],
        Consensus.SPLIT: judged.ttr[is_full & ~is_good & ~is_bad],
        Consensus.BAD: judged.ttr[is_bad],
    }


def _spread(values: NDArray[np.float64]) -> tuple[float | None, ...]:
    if len(values) == 0:
        return (None,) * 5
    quartiles = np.quantile(values, [0.25, 0.5, 0.75])
    return (float(values.mean()), *map(float, quartiles), float(values.min()))


def _mean_sliding(evidence: Evidence, system: SystemFacts) -> NDArray[np.float64] | None:
    """Continuations are never changed, so what was computed for as many of them holds."""
    states = evidence.continuation_states
    if system.id not in states:
        return None
    return _sliding.get((system.id, states[system.id]), lambda: _read_sliding(evidence, system))


def _read_sliding(evidence: Evidence, system: SystemFacts) -> NDArray[np.float64] | None:
    tokens = list(evidence.session.scalars(_TOKENS, {"system": system.id}))
    return sliding_ttr_of_rows(np.array(tokens)).mean(axis=0) if tokens else None


def _clouds(groups: dict[Consensus, NDArray[np.float64]]) -> Drawing:
    named = {str(name): values for name, values in groups.items()}

    def draw(theme: Theme) -> Figure:
        unit = "TTR of the last 96 tokens"
        return distributions(named, unit=unit, theme=theme, grey=[Consensus.SPLIT], only_central=True)

    return draw


def _lines(lengths: list[int], means: dict[str, NDArray[np.float64]]) -> Drawing:
    def draw(theme: Theme) -> Figure:
        lines = [Curve(name, lengths, mean.tolist()) for name, mean in means.items()]
        y_unit = "TTR of the latest 96 tokens"
        return curves(lines, x_unit="generated tokens", y_unit=y_unit, theme=theme, limits=(0, 1))

    return draw


def _every(lengths: list[int], step: int) -> list[tuple[int, int]]:
    """Each sixteenth length, and the last, with its place; the table is for reading, the curve has them all."""
    chosen = list(enumerate(lengths))[::step]
    return chosen if chosen[-1][1] == lengths[-1] else [*chosen, (len(lengths) - 1, lengths[-1])]


def _threshold(groups: dict[Consensus, NDArray[np.float64]]) -> str:
    good, bad = groups[Consensus.GOOD], groups[Consensus.BAD]
    if len(good) == 0 or len(bad) == 0:
        return f"Too early for a consensus: {len(good)} good, {len(bad)} bad"
    return (
        f"No text with a TTR below {100 * good.min():.0f} % is called good by all "
        f"({len(good):,} good, {len(bad):,} bad)"
    )


def _steepest(means: dict[str, NDArray[np.float64]]) -> str:
    falls = {name: float(mean[0] - mean[-1]) for name, mean in means.items() if name != "original text"}
    name = max(falls, key=falls.__getitem__)
    if falls[name] < 0.005:
        return f"No system loses TTR along the text ({len(falls)} systems, from 96 to 224 tokens)"
    return f"{name} loses most along the text: {100 * falls[name]:.0f} points of TTR from 96 to 224 tokens"
