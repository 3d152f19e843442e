"""Tables 7 and 8: what hyperfitting costs on MMLU and GLUE, original beside hyperfitted."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Column, Exhibit, Kind
from app.analysis.reported import REPORTED
from app.domain.downstream import Found, downstream_scores, originals_of
from app.domain.downstream_plan import GLUE_TASKS, MMLU, PERPLEXITY
from metrics.score_difference import ScoreDifference, paired_difference, unpaired_difference
from metrics.signature import Signature

NOT_EVALUATED = "No checkpoint was evaluated on these tasks yet; under Checkpoints or by `toprank downstream` it is."

_SCORES = (
    Column("checkpoint", "Checkpoint", wraps=True),
    Column("hyperfitted", "Hyperfitted", wraps=True),
    Column("task", "Task", wraps=True),
    Column("metric", "Metric", wraps=True),
    Column("shots", "Shots", Kind.COUNT),
    Column("score", "Score", Kind.SHARE),
    Column("stderr", "±", Kind.SHARE, joins=" ± {}"),
    Column("hyperfitted_score", "Score, hyperfitted", Kind.SHARE),
    Column("hyperfitted_stderr", "±", Kind.SHARE, joins=" ± {}"),
    Column("difference", "Difference (points)", Kind.DIFFERENCE),
    Column("low", "from", Kind.DIFFERENCE, joins=" ({}"),
    Column("high", "to", Kind.DIFFERENCE, joins=" to {})"),
    Column("questions", "n", Kind.COUNT),
)
_PERPLEXITIES = (
    Column("perplexity", "Perplexity", Kind.NUMBER),
    Column("hyperfitted_perplexity", "Perplexity, hyperfitted", Kind.NUMBER),
    Column("perplexity_difference", "Difference", Kind.NUMBER),
    Column("perplexity_low", "from", Kind.NUMBER, joins=" ({}"),
    Column("perplexity_high", "to", Kind.NUMBER, joins=" to {})"),
)


class _Pair(NamedTuple):
    """A score of an original, and that of what was hyperfitted from it; one of them may be missing."""

    original: Found | None
    hyperfitted: Found | None

    @property
    def one(self) -> Found:
        found = self.original or self.hyperfitted
        if found is None:
            raise ValueError("A pair has at least one side.")
        return found

    @property
    def difference(self) -> ScoreDifference | None:
        """None where a side is missing, or was evaluated in another way."""
        first, second = self.original, self.hyperfitted
        if first is None or second is None or first.settings != second.settings or first.questions != second.questions:
            return None
        if first.each is not None and second.each is not None:
            return paired_difference(first.each, second.each)
        return unpaired_difference(first.value, second.value, first.stderr, second.stderr)


def table_7(evidence: Evidence) -> Exhibit:
    """MMLU, for the checkpoints of the study's systems."""
    return downstream_exhibits(evidence.session, _checkpoints(evidence))[0]


def table_8(evidence: Evidence) -> Exhibit:
    """GLUE, for the checkpoints of the study's systems."""
    return downstream_exhibits(evidence.session, _checkpoints(evidence))[1]


def downstream_exhibits(session: Session, checkpoint_ids: Sequence[int]) -> tuple[Exhibit, Exhibit, Exhibit]:
    """MMLU, GLUE, and whatever else these checkpoints were evaluated on."""
    scores = downstream_scores(session, checkpoint_ids)
    pairs = _pairs(scores, originals_of(session, checkpoint_ids))
    # An MMLU run says more than the whole: a score for each of its subjects and areas, which go with the rest.
    mmlu = [pair for pair in pairs if pair.one.task == MMLU]
    glue = [pair for pair in pairs if pair.one.task in GLUE_TASKS]
    rest = [pair for pair in pairs if pair not in mmlu and pair not in glue]
    return (
        _exhibit("table-7", "Table 7", mmlu, "MMLU, by the number of examples before each question"),
        _exhibit("table-8", "Table 8", glue, "GLUE's development sets, without examples and with the most that fit"),
        _exhibit("downstream-tasks", "Further tasks", rest, "MMLU's subjects, and other tasks of the harness"),
    )


def _checkpoints(evidence: Evidence) -> list[int]:
    return sorted({system.checkpoint_id for system in evidence.systems})


def _pairs(scores: list[Found], originals: dict[int, int]) -> list[_Pair]:
    by_key = {(one.checkpoint_id, (one.part, one.task, one.metric)): one for one in scores}
    hyperfitted_of: dict[int, list[int]] = {}
    for hyperfitted, original in originals.items():
        hyperfitted_of.setdefault(original, []).append(hyperfitted)
    pairs = []
    for (checkpoint, what), one in by_key.items():
        beside = [by_key[other, what] for other in hyperfitted_of.get(checkpoint, []) if (other, what) in by_key]
        has_original = (originals.get(checkpoint, -1), what) in by_key
        pairs += [_Pair(one, other) for other in beside]
        if not beside and not has_original:
            pairs.append(_alone(one, checkpoint in originals))
    return sorted(pairs, key=_order)


def _alone(one: Found, is_hyperfitted: bool) -> _Pair:
    return _Pair(None, one) if is_hyperfitted else _Pair(one, None)


def _order(pair: _Pair) -> tuple[object, ...]:
    one, hyperfitted = pair.one, pair.hyperfitted
    return one.task, one.metric, one.checkpoint_id, hyperfitted.checkpoint_id if hyperfitted else 0, one.shots


def _exhibit(key: str, name: str, pairs: list[_Pair], about: str) -> Exhibit:
    scores = [pair for pair in pairs if pair.one.metric != PERPLEXITY]
    read = {_key(pair): pair for pair in pairs if pair.one.metric == PERPLEXITY}
    return Exhibit(
        key=key,
        name=name,
        title=_finding(scores),
        caption=f"{about}; perplexity is of each question alone, as the mean over questions. ± is a standard error; "
        "differences have 95 % intervals, paired by question where a score is a mean over questions.",
        columns=(*_SCORES, *_PERPLEXITIES),
        rows=tuple((*_score_cells(pair), *_perplexity_cells(read.get(_key(pair)))) for pair in scores),
        signatures=_signatures(scores),
        reported=REPORTED.get(key, ()),
        missing=None if scores else NOT_EVALUATED,
    )


def _key(pair: _Pair) -> tuple[int | None, int | None, str, str]:
    sides = [side.checkpoint_id if side else None for side in pair]
    return sides[0], sides[1], pair.one.part, pair.one.task


def _score_cells(pair: _Pair) -> tuple[str | int | float | None, ...]:
    first, second, one = pair.original, pair.hyperfitted, pair.one
    difference = pair.difference or (None, None, None)
    sides = [(side.value, side.stderr) if side else (None, None) for side in (first, second)]
    names = (first.checkpoint if first else "–", second.checkpoint if second else "–")
    return (*names, one.task, one.metric, one.shots, *sides[0], *sides[1], *difference, one.questions)


def _perplexity_cells(pair: _Pair | None) -> tuple[float | None, ...]:
    if pair is None:
        return (None,) * len(_PERPLEXITIES)
    values = [side.value if side else None for side in pair]
    return (*values, *(pair.difference or (None, None, None)))


def _signatures(pairs: list[_Pair]) -> tuple[str, ...]:
    """One for each way of asking, which two scores have to share to be compared."""
    ways = sorted({(found.harness or "", found.settings) for pair in pairs for found in pair if found})
    return tuple(
        str(
            Signature(
                "downstream", f"{harness}; question limit/seed/task folder: {settings}", n=len(pairs), unit="rows"
            )
        )
        for harness, settings in ways
    )


def _finding(pairs: list[_Pair]) -> str:
    told = [pair.difference for pair in pairs if pair.difference is not None]
    if not pairs:
        return "Nothing is evaluated yet"
    if not told:
        return "No original stands beside what was hyperfitted from it yet"
    lower = sum(one.high is not None and one.high < 0 for one in told)
    higher = sum(one.low is not None and one.low > 0 for one in told)
    return f"Of {len(told)} scores, hyperfitting lowers {lower} and raises {higher} beyond chance"
