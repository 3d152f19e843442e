"""Reading the texts: continuations by what they are and what was said of them, and all of one context together."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from app.analysis.marked_text import Overlap, Piece, marked
from app.domain.images import Drawn, drawn
from app.domain.reference_tokens import CONTEXT_TOKENS
from app.domain.studies import reference_tokenizer, study_palette
from app.errors import NotFoundError
from app.models import Dataset, Passage, Study
from metrics.consensus import Consensus, consensus
from metrics.preference import Verdicts

PAGE = 30
THUMBNAIL, LARGE = 128, 256  # pixels of an image's side on a page, at most


Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class Scenario(IntEnum):
    """The lengths, as an address names them."""

    SHORT = 128
    LONG = 256


class TextChoice(BaseModel):
    """Which continuations; what is not set lets everything through."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scenario: Annotated[Scenario, Field(description="The length, 128 or 256.", examples=[256])] = Scenario.LONG
    dataset: Annotated[Name, Field(description="Only of this dataset.", examples=["fiction"])] = ""
    system: Annotated[Name, Field(description="Only of this system.", examples=["greedy"])] = ""
    verdict: Annotated[
        Literal["", "candidate", "equal", "reference"],
        Field(description="Of which some annotator said this.", examples=["candidate"]),
    ] = ""
    consensus: Annotated[
        Literal["", "good", "bad", "split"],
        Field(description="Of which all annotators together said this.", examples=["good"]),
    ] = ""
    ttr_from: Annotated[float, Field(ge=0, le=1, description="Type-token ratio, at least.", examples=[0.0])] = 0.0
    ttr_to: Annotated[float, Field(ge=0, le=1, description="Type-token ratio, at most.", examples=[1.0])] = 1.0
    overlap: Annotated[
        int, Field(ge=0, le=3072, description="Tokens in a row of the training set, at least.", examples=[6])
    ] = 0


class TextFilter(TextChoice):
    """What the explorer's form asks for, and which page of it."""

    page: int = Field(1, ge=1, le=100_000)


@dataclass(frozen=True)
class FoundText:
    """One continuation that passes the filter, in the scenario that was asked for."""

    passage_id: int
    dataset: str
    system: str
    context: str
    beginning: str
    ttr: float
    verdicts: Verdicts
    consensus: Consensus | None
    is_recall: bool
    overlap: int
    picture: Drawn | None = None


@dataclass(frozen=True)
class SideBySide:
    """One text of a context: the original, or a system's continuation with what was said of it."""

    name: str
    pieces: list[Piece]
    ttr: float | None
    verdicts: Verdicts
    consensus: Consensus | None
    is_recall: bool = False
    overlap: Overlap | None = None
    picture: Drawn | None = None


# Each measurement is read once, not once for every text. Comparisons of a quota that is not reached yet have no
# consensus.
_TEXTS = """
SELECT t.id AS continuation_id, coalesce((m.found ->> 'tokens')::int, 0) AS overlap, m.found AS overlap_found,
       p.id AS passage_id, d.name AS dataset, s.name AS system, p.context, t.text, c.quota,
       CASE q.scenario WHEN 128 THEN t.ttr_128 ELSE t.ttr_256 END AS ttr, q.comparison_id IS NULL AS is_recall,
       coalesce(a.candidate, 0) AS candidate, coalesce(a.equal, 0) AS equal, coalesce(a.reference, 0) AS reference
FROM continuation t
JOIN system s ON s.id = t.system_id
JOIN passage p ON p.id = t.passage_id AND p.state = 'accepted' AND NOT p.unjudged
JOIN dataset d ON d.id = p.dataset_id
JOIN candidacy q ON q.continuation_id = t.id AND q.scenario = :scenario
LEFT JOIN (
    SELECT o.key::bigint AS continuation_id, o.value AS found
    FROM measurement, jsonb_each(measurement.found -> 'overlaps') o WHERE measurement.study_id = :study
) m ON m.continuation_id = t.id
LEFT JOIN comparison c ON c.id = q.comparison_id
LEFT JOIN (
    SELECT comparison_id, count(*) FILTER (WHERE verdict = 'candidate') AS candidate,
           count(*) FILTER (WHERE verdict = 'equal') AS equal,
           count(*) FILTER (WHERE verdict = 'reference') AS reference
    FROM annotation WHERE study_id = :study AND status = 'counted' GROUP BY comparison_id
) a ON a.comparison_id = c.id
WHERE t.study_id = :study
"""

CHOSEN_TEXTS = f"""
WITH texts AS ({_TEXTS})
SELECT *, count(*) OVER () AS total FROM texts
WHERE (:dataset = '' OR dataset = :dataset)
  AND (:system = '' OR system = :system)
  AND overlap >= :overlap
  AND ttr BETWEEN :ttr_from AND :ttr_to
  AND CASE :verdict WHEN 'candidate' THEN candidate > 0 WHEN 'equal' THEN equal > 0
                    WHEN 'reference' THEN reference > 0 ELSE true END
  AND CASE WHEN :consensus = '' THEN true
           WHEN candidate + equal + reference < coalesce(quota, 1) THEN false
           WHEN :consensus = 'good' THEN reference = 0
           WHEN :consensus = 'bad' THEN candidate + equal = 0
           ELSE reference > 0 AND candidate + equal > 0 END
"""
_FOUND = text(f"{CHOSEN_TEXTS} ORDER BY passage_id, system LIMIT :limit OFFSET :offset")

_OF_PASSAGE = text(f"WITH texts AS ({_TEXTS}) SELECT * FROM texts WHERE passage_id = :passage ORDER BY system")


def find_texts(session: Session, study: Study, wanted: TextFilter) -> tuple[list[FoundText], int]:
    """One page of the texts that pass the filter, in the order of their passages, and how many pass in all."""
    palette = study_palette(session, study)
    parameters = wanted.model_dump() | {
        "study": study.id,
        "limit": PAGE,
        "offset": PAGE * (wanted.page - 1),
    }
    rows = session.execute(_FOUND, parameters).all()
    found = [
        FoundText(
            row.passage_id,
            row.dataset,
            row.system,
            row.context,
            row.text[:200],
            row.ttr,
            verdicts_of(row),
            consensus_of(row),
            row.is_recall,
            row.overlap,
            drawn(row.context + row.text, palette, most=THUMBNAIL) if palette else None,
        )
        for row in rows
    ]
    return found, rows[0].total if rows else 0


def find_passage(session: Session, study: Study, passage_id: int) -> tuple[Passage, str]:
    """The passage and its dataset's name. Raises NotFoundError unless it is the study's."""
    query = (
        select(Passage, Dataset.name)
        .join(Dataset, Dataset.id == Passage.dataset_id)
        .where(Passage.id == passage_id, Passage.study_id == study.id)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFoundError(f"The study {study.slug!r} has no passage {passage_id}.")
    return found[0], found[1]


def side_by_side(session: Session, study: Study, passage: Passage, *, scenario: int) -> list[SideBySide]:
    """The original, then every system's continuation of the passage."""
    reference = reference_tokenizer(session, study)
    shown_tokens = scenario - CONTEXT_TOKENS

    def pieces(continuation: str, overlap: Overlap | None = None) -> list[Piece]:
        if reference.palette:
            return []
        return marked(reference, passage.context, continuation, shown_tokens=shown_tokens, overlap=overlap)

    rows = session.execute(_OF_PASSAGE, {"study": study.id, "passage": passage.id, "scenario": scenario})

    def picture(continuation: str) -> Drawn | None:
        return drawn(passage.context + continuation, reference.palette, most=LARGE) if reference.palette else None

    original = picture(passage.original)
    sides = [SideBySide("original", pieces(passage.original), None, Verdicts(), None, picture=original)]
    for row in rows:
        overlap = _overlap(row)
        judged = (row.ttr, verdicts_of(row), consensus_of(row), row.is_recall)
        sides.append(SideBySide(row.system, pieces(row.text, overlap), *judged, overlap, picture(row.text)))
    return sides


def _overlap(row: Row[Any]) -> Overlap | None:
    """The longest run that stands in the training set, where it was found to be long enough to be shown."""
    found = row.overlap_found
    return Overlap(**found) if found and "text" in found else None


def verdicts_of(row: Row[Any]) -> Verdicts:
    """What annotators said of the text."""
    return Verdicts(row.candidate, row.equal, row.reference)


def consensus_of(row: Row[Any]) -> Consensus | None:
    """What they said together; None before all have."""
    return consensus(verdicts_of(row), row.quota) if row.quota else None
