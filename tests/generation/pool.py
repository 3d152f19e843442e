"""A small study on a real tiny model, committed, as generation finds it."""

from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.domain.reference_tokens import ReferenceTokenizer
from app.models import ReferenceTokens, Study, System
from app.models.study import Release, StudyState
from tests.factories import make_checkpoint, make_dataset, make_passage, make_system
from tests.tiny_model import sample_text, tiny_tokenizer_json

REFERENCE = ReferenceTokenizer(tiny_tokenizer_json())


def make_written_study(session: Session, *, passages: int) -> Study:
    """An open study of the tiny tokenizer that releases as ready, with passages that were really cut."""
    session.add(ReferenceTokens(sha256=REFERENCE.sha256, name="tiny", tokenizer_json=REFERENCE.tokenizer_json))
    study = Study(
        slug="tiny",
        title="Tiny",
        state=StudyState.OPEN,
        release=Release.AS_READY,
        reference_tokens_sha256=REFERENCE.sha256,
    )
    session.add(study)
    session.flush()
    dataset = make_dataset(session, study)
    for number in range(passages):
        cut = REFERENCE.cut(sample_text(number))
        make_passage(session, dataset, context=cut.context, original=cut.original, token_ids=cut.token_ids)
    return study


def commit_system(engine: Engine, checkpoint: Path, *, passages: int = 5, **columns: object) -> System:
    """A system on a checkpoint, in a study of its own."""
    with Session(engine, expire_on_commit=False) as session:
        study = make_written_study(session, passages=passages)
        source = make_checkpoint(session, source=str(checkpoint))
        system = make_system(session, study, checkpoint_id=source.id, **columns)
        session.commit()
        return system
