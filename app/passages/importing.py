"""Texts become passages: cut to 256 reference tokens, each once, all or none."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.reference_tokens import Cut, NoCutError, ReferenceTokenizer, TextTooShortError
from app.errors import ConflictError
from app.models import Dataset, Passage, Person
from app.models.passage import PassageState
from app.models.study import StudyState
from app.passages.suspicions import check_passages
from app.texts.source_text import SourceText

LONGEST_KEPT = 50_000  # characters of the text that a passage was cut from; a whole book is not kept with each


@dataclass
class ImportReport:
    """What became of each text; `lines` says where the ones that were left out stand."""

    imported: int = 0
    already_there: int = 0
    too_short: int = 0
    without_a_cut: int = 0
    lines: dict[str, list[int]] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """All texts."""
        return self.imported + self.already_there + self.too_short + self.without_a_cut


def import_passages(
    session: Session,
    dataset: Dataset,
    texts: Iterable[SourceText],
    tokenizer: ReferenceTokenizer,
    *,
    accept: bool = False,
    unjudged: bool = False,
    by: Person | None = None,
) -> ImportReport:
    """Add a passage for each text that is long enough; a text that is there already changes nothing.

    Passages wait for a person's verdict, with what automatic checks suspect, unless `accept` says that somebody has
    read them, or they are `unjudged`: systems continue those for automatic metrics, and nobody is shown them. Raises
    ConflictError once the study has closed.
    """
    if dataset.study.state == StudyState.CLOSED:
        raise ConflictError(f"The study {dataset.study.slug!r} is closed; it takes no more passages.")
    report = ImportReport()
    for text in texts:
        try:
            cut = tokenizer.cut(text.text)
        except TextTooShortError:
            report.too_short += 1
            report.lines.setdefault("too_short", []).append(text.line)
            continue
        except NoCutError:
            report.without_a_cut += 1
            report.lines.setdefault("without_a_cut", []).append(text.line)
            continue
        added = _add(session, dataset, text, cut, accept=accept, unjudged=unjudged)
        report.imported += added
        report.already_there += not added
    if report.imported and not (accept or unjudged):
        check_passages(session, dataset.study)
    if report.imported:
        told = {"dataset": dataset.name, "passages": report.imported, "accepted": accept, "unjudged": unjudged}
        record(session, by, "study.import_passages", dataset.study, **told)
    return report


def _add(session: Session, dataset: Dataset, text: SourceText, cut: Cut, *, accept: bool, unjudged: bool) -> bool:
    """Whether the passage is new to its study."""
    adding = (
        insert(Passage)
        .values(
            study_id=dataset.study_id,
            dataset_id=dataset.id,
            content_hash=hashlib.sha256(cut.text.encode()).hexdigest(),
            token_ids=cut.token_ids,
            context=cut.context,
            original=cut.original,
            source=text.source,
            width=cut.width,
            state=PassageState.ACCEPTED if accept or unjudged else PassageState.PENDING,
            unjudged=unjudged,
            **kept_beyond(text.text, cut.text),
        )
        .on_conflict_do_nothing(index_elements=["study_id", "content_hash"])
    )
    return session.execute(adding.returning(Passage.id)).scalar_one_or_none() is not None


def kept_beyond(text: str, passage: str) -> dict[str, str | int]:
    """What a passage was cut from and where, so that it can be cut elsewhere; nothing where it is the whole text."""
    text = text.strip()
    start = text.index(passage)
    kept = text[: max(LONGEST_KEPT, start + len(passage))]
    return {"full_text": kept, "start": start} if kept != passage else {}
