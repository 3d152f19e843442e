"""A draft takes shape: its datasets and systems, what is taken out of it again, and copies of whole studies."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, select, text
from sqlalchemy.orm import Session

from app.domain.audit import record
from app.domain.generation_queue import generation_lock
from app.domain.studies import StudyPlan, check_dataset_names, create_study, dataset_names, find_dataset, kept_tokenizer
from app.domain.study_lock import lock_study
from app.domain.study_settings import By, change_settings, settings_of
from app.domain.systems import find_system
from app.errors import ConflictError
from app.models import Continuation, Contrast, Dataset, Passage, Study
from app.models.study import StudyState
from app.queue import is_queued


@dataclass(frozen=True)
class Copy:
    """What a copy of a study is called, and whether it gets the accepted passages too."""

    slug: str
    title: str
    passages: bool = False


def add_dataset(session: Session, study: Study, name: str, *, by: By = None) -> Dataset:
    """Another dataset of a draft. Raises ConflictError once it was opened, or when the name is taken."""
    study = _draft(session, study, "datasets")
    check_dataset_names((name,))
    if session.scalar(select(Dataset.id).where(Dataset.study_id == study.id, Dataset.name == name)):
        raise ConflictError(f"The study {study.slug!r} has a dataset {name!r} already.")
    dataset = Dataset(study_id=study.id, name=name)
    session.add(dataset)
    record(session, by, "study.add_dataset", study, dataset=name)
    return dataset


def remove_dataset(session: Session, study: Study, name: str, *, by: By = None) -> None:
    """Take a dataset without passages out of a draft. Raises ConflictError for any other, or the last one."""
    study = _draft(session, study, "datasets")
    dataset = find_dataset(session, study, name)
    if session.scalar(select(Passage.id).where(Passage.dataset_id == dataset.id).limit(1)):
        raise ConflictError(f"The dataset {name!r} has passages; only an empty one can be taken out.")
    if session.scalar(select(Dataset.id).where(Dataset.study_id == study.id, Dataset.id != dataset.id)) is None:
        raise ConflictError(f"The dataset {name!r} is the study's only one, and a study needs one.")
    session.delete(dataset)
    record(session, by, "study.remove_dataset", study, dataset=name)


def remove_system(session: Session, study: Study, name: str, *, by: By = None) -> None:
    """Take a system that has written nothing out of a draft, and its contrasts. Raises ConflictError for any other."""
    study = _draft(session, study, "systems")
    system = find_system(session, study, name)
    if session.scalar(select(exists().where(Continuation.system_id == system.id))):
        raise ConflictError(f"The system {name!r} has written continuations, which stay. Copy the study without it.")
    if is_queued(session, generation_lock(system.id)):
        raise ConflictError(f"The system {name!r} waits for a worker; cancel its writing first.")
    session.execute(delete(Contrast).where((Contrast.system_id == system.id) | (Contrast.against_id == system.id)))
    session.delete(system)
    record(session, by, "study.remove_system", study, system=name)


_COPY_SYSTEMS = text("""
INSERT INTO system (study_id, name, checkpoint_id, strategy, top_p, temperature, top_k, seed, repetition_penalty,
                    chat_template, block_citations, training_texts_sha256, scenarios, state, paused, generated_tokens,
                    generation_seconds)
SELECT :copy, name, checkpoint_id, strategy, top_p, temperature, top_k, seed, repetition_penalty, chat_template,
       block_citations, training_texts_sha256, scenarios, 'idle', false, 0, 0
FROM system WHERE study_id = :original ORDER BY id
""")
_COPY_CONTRASTS = text("""
INSERT INTO contrast (study_id, system_id, against_id, position)
SELECT :copy, one.id, other.id, c.position
FROM contrast c
JOIN system s ON s.id = c.system_id JOIN system one ON one.study_id = :copy AND one.name = s.name
JOIN system a ON a.id = c.against_id JOIN system other ON other.study_id = :copy AND other.name = a.name
WHERE c.study_id = :original
""")
# Those set aside for gold or practice are whole passages again.
_COPY_PASSAGES = text("""
INSERT INTO passage (study_id, dataset_id, content_hash, token_ids, context, original, source, width, full_text, start,
                     unedited, state, unjudged)
SELECT :copy, d.id, p.content_hash, p.token_ids, p.context, p.original, p.source, p.width, p.full_text, p.start,
       p.unedited, 'accepted', p.unjudged
FROM passage p
JOIN dataset o ON o.id = p.dataset_id JOIN dataset d ON d.study_id = :copy AND d.name = o.name
WHERE p.study_id = :original AND p.state IN ('accepted', 'reserved') ORDER BY p.id
""")


def copy_study(session: Session, original: Study, copy: Copy, *, by: By = None) -> Study:
    """A draft like the original: datasets, systems, contrasts, guidelines and rules; passages if the copy says so.

    Nobody's answers, continuations, consent form or qualification come along. Raises as `create_study` does.
    """
    tokens = kept_tokenizer(session, original.reference_tokens_sha256)
    plan = StudyPlan(
        slug=copy.slug,
        title=copy.title,
        tokenizer_json=tokens.tokenizer_json,
        tokenizer_name=tokens.name,
        datasets=tuple(dataset_names(session, original)),
        guidelines=original.guidelines,
    )
    made = create_study(session, plan, by=by, copied_from=original.slug)
    change_settings(session, made, _copied_settings(original), by=by)
    made.open_to_look = original.open_to_look
    ids = {"copy": made.id, "original": original.id}
    for statement in (_COPY_SYSTEMS, _COPY_CONTRASTS, *((_COPY_PASSAGES,) if copy.passages else ())):
        session.execute(statement, ids)
    return made


def _copied_settings(original: Study) -> dict[str, Any]:
    return {name: value for name, value in settings_of(original).items() if name not in ("title", "guidelines")}


def _draft(session: Session, study: Study, part: str) -> Study:
    study = lock_study(session, study.id)
    if study.state != StudyState.DRAFT:
        raise ConflictError(f"The study {study.slug!r} is {study.state}: its {part} were locked when it opened.")
    return study
