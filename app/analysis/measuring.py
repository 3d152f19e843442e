"""Self-BLEU, Dataset BLEU, overlap (Tables 2 and 5, Figure 3) and form of every system: measured by a job, and kept.

All texts are counted in the study's reference tokens, so that systems with other tokenizers compare; a system is
measured again only when its texts, or the training texts it is held against, changed.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.analysis.form import measure_form
from app.analysis.likeness import WrittenText, measure_texts
from app.domain.audit import record
from app.domain.reference_tokens import ReferenceTokenizer
from app.domain.studies import reference_tokenizer
from app.domain.training_sets import TrainingSet, training_set, training_set_sha256
from app.models import Measurement, Measuring, Person, Study, System
from app.models.system import GenerationState
from app.queue import MEASURE, defer, is_queued

# Whoever changes what is measured, or how, gives it another number, and everything is measured again.
VERSION = 3

_INPUTS = text("""
SELECT s.id, count(t.id) AS texts, encode(sha256(convert_to(
           coalesce(string_agg(t.id || ':' || t.passage_id, ',' ORDER BY t.id), ''), 'UTF8')), 'hex') AS texts_sha256
FROM system s
LEFT JOIN (continuation t JOIN passage p ON p.id = t.passage_id AND p.state = 'accepted') ON t.system_id = s.id
WHERE s.study_id = :study GROUP BY s.id ORDER BY s.id
""")

_TEXTS = text("""
SELECT t.id, d.name AS dataset, p.context, t.text FROM continuation t
JOIN passage p ON p.id = t.passage_id AND p.state = 'accepted'
JOIN dataset d ON d.id = p.dataset_id
WHERE t.system_id = :system ORDER BY t.id
""")


@dataclass(frozen=True)
class SystemInputs:
    """A system with what decides its measurement."""

    system_id: int
    texts: int
    sha256: str


def measure_lock(study_id: int) -> str:
    """Names the job that may measure a study, one at a time."""
    return f"measure:{study_id}"


def queue_measuring(session: Session, study: Study, *, by: Person | None = None) -> bool:
    """Queue the job unless it waits already or nothing changed; whether it did."""
    lock = measure_lock(study.id)
    todo = outdated(session, study)
    if is_queued(session, lock, statuses=("todo",)) or not todo:
        return False
    defer(session, MEASURE, lock=lock, study_id=study.id)
    mark_measuring(session, study.id, GenerationState.QUEUED, done=0, total=len(todo))
    record(session, by, "study.queue_measuring", study, systems=len(todo))
    return True


def measuring_of(session: Session, study: Study) -> Measuring | None:
    """How far the job is; None before the first."""
    return session.get(Measuring, study.id, populate_existing=True)


@dataclass(frozen=True)
class MeasuringStanding:
    """How far the job is, and how many systems one would measure now; no state before the first job."""

    state: GenerationState | None
    done: int
    total: int
    reason: str | None
    outdated: int


def standing_of(session: Session, study: Study) -> MeasuringStanding:
    """Where the measuring of a study stands."""
    todo, job = len(outdated(session, study)), measuring_of(session, study)
    if job is None:
        return MeasuringStanding(None, 0, 0, None, todo)
    return MeasuringStanding(job.state, job.done, job.total, job.reason, todo)


def measurements(session: Session, study: Study) -> dict[int, dict[str, Any]]:
    """What was found of each measured system, by its id; also where its texts have changed since."""
    rows = session.scalars(select(Measurement).where(Measurement.study_id == study.id))
    return {row.system_id: row.found for row in rows}


def outdated(session: Session, study: Study, training: TrainingSet | None = None) -> list[SystemInputs]:
    """The systems that have texts and were never measured with these inputs.

    Without a training set, given or the study's own, a measurement against any of them holds.
    """
    rows = session.scalars(select(Measurement).where(Measurement.study_id == study.id))
    named = training.sha256 if training else training_set_sha256(session, study)
    kept = {row.system_id: row.inputs for row in rows if named in (None, row.found["training_sha256"])}
    every = [
        SystemInputs(row.id, row.texts, _sha256(row.texts_sha256, study.reference_tokens_sha256))
        for row in session.execute(_INPUTS, {"study": study.id})
    ]
    return [one for one in every if one.texts and kept.get(one.system_id) != one.sha256]


def measure_study(
    session: Session, study: Study, report: Callable[[str], None], *, training: TrainingSet | None = None
) -> int:
    """Measure what is outdated, committing each system; returns how many were measured.

    They are held against `training`, by default the study's own training set; without one, against each other alone.
    """
    training = training or training_set(session, study)
    todo = outdated(session, study, training)
    reference = reference_tokenizer(session, study)
    samples = [reference.encode(one).ids for one in training.texts] if training else []
    named = training.sha256 if training else None
    mark_measuring(session, study.id, GenerationState.RUNNING, done=0, total=len(todo))
    session.commit()
    for done, inputs in enumerate(todo, start=1):
        found = measure_system(session, inputs.system_id, samples, reference)
        _keep(session, study, inputs, found | {"training_sha256": named})
        mark_measuring(session, study.id, GenerationState.RUNNING, done=done, total=len(todo))
        session.commit()
        name = session.scalar(select(System.name).where(System.id == inputs.system_id))
        report(f"measured {name} ({done} of {len(todo)})")
    mark_measuring(session, study.id, GenerationState.DONE, done=len(todo), total=len(todo))
    session.commit()
    return len(todo)


def measure_system(
    session: Session, system_id: int, samples: Sequence[Sequence[int]], reference: ReferenceTokenizer
) -> dict[str, Any]:
    """What the system's texts have in common with each other and with the samples, and what their form gives away."""
    rows = session.execute(_TEXTS, {"system": system_id})
    found = measure_texts([WrittenText(*row) for row in rows], samples, reference)
    return found | {"form": measure_form(session, system_id)}


def mark_measuring(
    session: Session, study_id: int, state: GenerationState, *, done: int, total: int, reason: str | None = None
) -> None:
    """Note how far the job is."""
    values = {"state": state, "done": done, "total": total, "reason": reason}
    statement = insert(Measuring).values(study_id=study_id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=[Measuring.study_id], set_=values))


def _keep(session: Session, study: Study, inputs: SystemInputs, found: dict[str, Any]) -> None:
    values = {"inputs": inputs.sha256, "found": found, "measured_at": func.now()}
    statement = insert(Measurement).values(system_id=inputs.system_id, study_id=study.id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=[Measurement.system_id], set_=values))


def _sha256(*parts: str) -> str:
    return hashlib.sha256("/".join((str(VERSION), *parts)).encode()).hexdigest()
