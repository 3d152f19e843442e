"""Checkpoints by name, and the systems that are made of them."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.domain.audit import record
from app.domain.chat_templates import find_chat_template
from app.domain.engine_settings import EngineSettings
from app.domain.study_lock import lock_study
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import Checkpoint, Person, Study, System, TrainingTexts
from app.models.study import Modality, StudyState
from app.models.system import SCENARIOS, WHOLE, Strategy

HUB_ID = r"[\w.-]{1,96}/[\w.-]{1,96}"


@dataclass(frozen=True)
class TrainingPlan:
    """What a model was trained on, and may not repeat."""

    name: str
    texts: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Names the texts, their order included."""
        return hashlib.sha256("\x00".join(self.texts).encode()).hexdigest()


@dataclass(frozen=True)
class SystemPlan:
    """A checkpoint's name and how it decodes; the defaults are the paper's."""

    name: str
    checkpoint: str
    strategy: Strategy = Strategy.GREEDY
    top_p: float = 0.9
    temperature: float = 0.7
    top_k: int = 50
    seed: int = 0
    repetition_penalty: float = 1.0
    chat_template: bool = False
    scenarios: tuple[int, ...] = SCENARIOS
    block_citations: bool = False
    training_texts: TrainingPlan | None = None


def add_checkpoint(
    session: Session,
    name: str,
    source: str,
    settings: EngineSettings | None = None,
    *,
    instruct: bool = False,
    by: Person | None = None,
) -> Checkpoint:
    """Register a local folder of safetensors, or a hub id such as `org/model`.

    Raises ConflictError when the name is taken, ToprankError when the source is neither.
    """
    return _register(session, name, _checked_source(source), settings, instruct=instruct, by=by)


def add_hub_checkpoint(
    session: Session,
    name: str,
    hub_id: str,
    settings: EngineSettings | None = None,
    *,
    instruct: bool = False,
    by: Person | None = None,
) -> Checkpoint:
    """The same for a hub id alone: whoever asks over HTTP names no folder of the server. Raises the same."""
    return _register(session, name, _checked_hub_id(hub_id), settings, instruct=instruct, by=by)


def _register(
    session: Session,
    name: str,
    source: str,
    settings: EngineSettings | None,
    *,
    instruct: bool,
    by: Person | None,
) -> Checkpoint:
    if not name.strip() or len(name) > 200:
        raise ToprankError("A checkpoint's name has 1 to 200 characters.")
    if session.scalar(select(Checkpoint.id).where(Checkpoint.name == name)):
        raise ConflictError(f"There is a checkpoint {name!r} already; choose another name.")
    changed = settings.changed() if settings else {}
    checkpoint = Checkpoint(name=name, source=source, engine_settings=changed, instruct=instruct)
    session.add(checkpoint)
    session.flush()
    # not its source, which may be a folder in somebody's home: the checkpoint has it, and it can go
    record(session, by, "checkpoint.add", checkpoint, name=name)
    return checkpoint


def find_checkpoint(session: Session, name: str) -> Checkpoint:
    """The checkpoint of this name. Raises NotFoundError, which names those there are."""
    checkpoint = session.scalar(select(Checkpoint).where(Checkpoint.name == name))
    if checkpoint is None:
        known = ", ".join(one.name for one in all_checkpoints(session)) or "none yet"
        raise NotFoundError(f"There is no checkpoint {name!r} (checkpoints: {known}).")
    return checkpoint


def all_checkpoints(session: Session) -> list[Checkpoint]:
    """Every checkpoint, by name."""
    return list(session.scalars(select(Checkpoint).order_by(Checkpoint.name)))


def page_of_checkpoints(session: Session, *, after: int, limit: int) -> list[Checkpoint]:
    """Checkpoints whose id is above `after`, the oldest first."""
    return list(session.scalars(select(Checkpoint).where(Checkpoint.id > after).order_by(Checkpoint.id).limit(limit)))


def study_systems(session: Session, study: Study) -> list[System]:
    """The study's systems with their checkpoints, in the order they were added."""
    mine = select(System).where(System.study_id == study.id).order_by(System.id)
    return list(session.scalars(mine.options(joinedload(System.checkpoint))))


def find_system(session: Session, study: Study, name: str) -> System:
    """The study's system of this name. Raises NotFoundError, which names those it has."""
    systems = {system.name: system for system in study_systems(session, study)}
    if name not in systems:
        raise NotFoundError(
            f"The study {study.slug!r} has no system {name!r} (systems: {', '.join(systems) or 'none'})."
        )
    return systems[name]


def find_system_by_id(session: Session, study: Study, system_id: int) -> System:
    """The study's system with this id. Raises NotFoundError, also for another study's."""
    mine = select(System).where(System.study_id == study.id, System.id == system_id)
    system = session.scalar(mine.options(joinedload(System.checkpoint)))
    if system is None:
        raise NotFoundError(f"The study {study.slug!r} has no system with this id.")
    return system


def add_system(session: Session, study: Study, plan: SystemPlan, *, by: Person | None = None) -> System:
    """A system of a draft; its continuations are generated from the passages that are accepted.

    Raises ConflictError when the name is taken or the study has opened, NotFoundError for an unknown checkpoint,
    ToprankError when the decoding makes no sense or the checkpoint lacks the chat template that is to be applied.
    """
    study = lock_study(session, study.id)
    if study.state != StudyState.DRAFT:
        raise ConflictError(f"The study {study.slug!r} is {study.state}: its systems were locked when it opened.")
    if session.scalar(select(System.id).where(System.study_id == study.id, System.name == plan.name)):
        raise ConflictError(f"The study {study.slug!r} has a system {plan.name!r} already.")
    checkpoint = find_checkpoint(session, plan.checkpoint)
    _check(plan)
    if plan.chat_template and (folder := Path(checkpoint.source)).is_dir():
        find_chat_template(folder)
    system = System(
        study_id=study.id,
        name=plan.name,
        checkpoint_id=checkpoint.id,
        strategy=plan.strategy,
        top_p=plan.top_p,
        temperature=plan.temperature,
        top_k=plan.top_k,
        seed=plan.seed,
        repetition_penalty=plan.repetition_penalty,
        chat_template=plan.chat_template,
        scenarios=_scenarios(study, plan),
        block_citations=plan.block_citations,
        training_texts_sha256=_keep_texts(session, plan.training_texts),
    )
    session.add(system)
    record(session, by, "study.add_system", study, system=plan.name, checkpoint=checkpoint.name)
    return system


def _scenarios(study: Study, plan: SystemPlan) -> list[int]:
    """An image is judged whole, which is what the longest scenario stands for."""
    if study.modality is Modality.TEXT:
        return sorted(set(plan.scenarios))
    if WHOLE not in plan.scenarios:
        raise ToprankError("Images are judged whole; leave out --scenario.")
    return [WHOLE]


def _keep_texts(session: Session, plan: TrainingPlan | None) -> str | None:
    if plan is None:
        return None
    if session.get(TrainingTexts, plan.sha256) is None:
        # a database text cannot hold a zero byte
        texts = [text.replace("\x00", "\ufffd") for text in plan.texts]
        session.add(TrainingTexts(sha256=plan.sha256, name=plan.name, texts=texts))
        session.flush()
    return plan.sha256


def _checked_source(source: str) -> str:
    folder = Path(source).expanduser()
    if folder.is_dir():
        missing = [name for name in ("config.json", "tokenizer.json") if not (folder / name).is_file()]
        if not any(folder.glob("*.safetensors")):
            missing.append("*.safetensors")
        if missing:
            raise ToprankError(f"The folder {source} is no checkpoint: it lacks {', '.join(missing)}.")
        return str(folder.resolve())
    return _checked_hub_id(source)


def _checked_hub_id(source: str) -> str:
    if not re.fullmatch(HUB_ID, source) or source.startswith("."):
        raise ToprankError(f"{source!r} is neither a folder here nor a hub id such as org/model.")
    return source


def _check(plan: SystemPlan) -> None:
    if not plan.name.strip() or len(plan.name) > 200 or not plan.name.isprintable():
        raise ToprankError("A system's name has 1 to 200 printable characters.")
    if not 0 < plan.top_p <= 1:
        raise ToprankError(f"top-p is {plan.top_p}; it has to be above 0 and at most 1.")
    if not 0 < plan.temperature < float("inf"):
        raise ToprankError(f"The temperature is {plan.temperature}; it has to be a positive number.")
    if plan.top_k < 0:
        raise ToprankError(f"top-k is {plan.top_k}; it has to be 0 (off) or more.")
    if not 0 < plan.repetition_penalty < float("inf"):
        raise ToprankError(f"The repetition penalty is {plan.repetition_penalty}; it has to be a positive number.")
    if plan.training_texts is not None and not plan.block_citations:
        raise ToprankError("A training set is what a system may not repeat; say --block-citations with it.")
    if plan.training_texts is not None and not any(plan.training_texts.texts):
        raise ToprankError(f"The training set {plan.training_texts.name} has no text in it.")
    if not plan.scenarios or not set(plan.scenarios) <= set(SCENARIOS):
        raise ToprankError("A system is judged at 128 tokens, at 256, or at both.")
