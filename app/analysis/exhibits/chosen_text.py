"""Figure 4: one text, token by token, as each checkpoint predicted it."""

from typing import Any

from sqlalchemy import Row, text

from app.analysis.evidence import Evidence
from app.analysis.exhibit import Column, Exhibit, Kind
from app.analysis.exhibits.sharpness import NOT_SCORED
from app.domain.scores import predictions
from metrics.plots.tokens import token_probabilities
from metrics.signature import Signature

# How many tokens of a text the figure can show with their names.
TOKENS = 24

# Without a choice the first of the passages that most checkpoints have read.
_SCORED = text("""
SELECT r.passage_id, r.checkpoint_id, k.name, r.tokenizer_sha256, r.context_predicted, r.predicted, d.name AS dataset
FROM score r JOIN checkpoint k ON k.id = r.checkpoint_id
JOIN passage p ON p.id = r.passage_id JOIN dataset d ON d.id = p.dataset_id
WHERE r.study_id = :study AND r.passage_id = coalesce(CAST(:passage AS bigint), (
    SELECT passage_id FROM score WHERE study_id = :study
    GROUP BY passage_id ORDER BY count(*) DESC, passage_id LIMIT 1))
ORDER BY r.checkpoint_id
""")


def figure_4(evidence: Evidence) -> Exhibit:
    """The probability that each checkpoint gives to each token of one text as it came."""
    scored = evidence.session.execute(_SCORED, {"study": evidence.study.id, "passage": evidence.chosen_passage}).all()
    alike = [row for row in scored if row.tokenizer_sha256 == scored[0].tokenizer_sha256]
    tokens, probabilities = _predicted(evidence, alike)
    names = list(probabilities)
    of_which = f"passage {alike[0].passage_id} ({alike[0].dataset})" if alike else ""
    signature = Signature("probability", f"teacher-forced; {of_which}", n=len(tokens), unit="tokens")
    return Exhibit(
        key="figure-4",
        name="Figure 4",
        title=_surprise(tokens, probabilities),
        caption="The first tokens of an original after its context: how probable each checkpoint found the token that "
        "came.",
        columns=(Column("token", "Token"), *(Column(name, name, Kind.SHARE) for name in names)),
        rows=tuple((token, *(probabilities[name][at] for name in names)) for at, token in enumerate(tokens)),
        signatures=(str(signature),) if tokens else (),
        notes=_notes(of_which, left_out=len(scored) - len(alike)) if tokens else (),
        missing=None if tokens else _why(evidence),
        draw=(lambda theme: token_probabilities(tokens, probabilities, theme=theme)) if tokens else None,
    )


def _predicted(evidence: Evidence, scored: list[Row[Any]]) -> tuple[list[str], dict[str, list[float]]]:
    """The first tokens after the context, and by checkpoint how probable each was."""
    tokens: list[str] = []
    probabilities: dict[str, list[float]] = {}
    for row in scored:
        first = row.context_predicted
        predicted = predictions(
            evidence.session,
            checkpoint_id=row.checkpoint_id,
            passage_id=row.passage_id,
            first=first,
            last=min(first + TOKENS, row.predicted),
        )
        tokens = [one.text for one in predicted]
        probabilities[row.name] = [one.probability for one in predicted]
    return tokens, probabilities


def _notes(of_which: str, *, left_out: int) -> tuple[str, ...]:
    chosen = f"The text is {of_which}."
    if left_out:
        return (chosen, "Checkpoints of another tokenizer are left out: their tokens are others.")
    return (chosen,)


def _why(evidence: Evidence) -> str:
    if evidence.chosen_passage is None:
        return NOT_SCORED
    chosen = f"passage {evidence.chosen_passage}"
    return f"No checkpoint has read {chosen} yet; start it on the study’s page, or by `toprank score`."


def _surprise(tokens: list[str], probabilities: dict[str, list[float]]) -> str:
    if not tokens:
        return "Nothing is scored yet"
    high = {name: sum(value > 0.9 for value in values) for name, values in probabilities.items()}
    name = max(high, key=high.__getitem__)
    return f"{name} gives {high[name]} of {len(tokens)} tokens a probability above 90 %"
