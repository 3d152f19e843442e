"""Making studies, finding them and moving them from draft to closed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from app.domain.audit import record
from app.domain.images import Palette, palette_of
from app.domain.protocol import lock_protocol, locked_protocol
from app.domain.reference_tokens import ReferenceTokenizer
from app.domain.study_lock import lock_study
from app.domain.study_settings import check_setting
from app.domain.taking_part import keep_guidelines
from app.errors import ConflictError, NotFoundError, ToprankError
from app.models import Checkpoint, Dataset, Passage, Person, ReferenceTokens, Study, System
from app.models.passage import PassageState
from app.models.study import DEFAULT_GUIDELINES, IMAGE_GUIDELINES, Modality, Release, StudyState

TOKENIZER_FILE = "tokenizer.json"
PLAIN_NAME = r"[a-z0-9][a-z0-9-]{0,62}"
PLAIN_NAME_WITH_UNDERSCORE = r"[a-z0-9][a-z0-9_-]{0,62}"
# Which states a study may move to, from which.
MOVES = {
    StudyState.OPEN: (StudyState.DRAFT, StudyState.PAUSED),
    StudyState.PAUSED: (StudyState.OPEN,),
    StudyState.CLOSED: (StudyState.OPEN, StudyState.PAUSED),
}
_DEEDS = {StudyState.OPEN: "open", StudyState.PAUSED: "pause", StudyState.CLOSED: "close"}


@dataclass(frozen=True)
class StudyPlan:
    """What a study is made with; everything else has a default that its page can change."""

    slug: str
    title: str
    tokenizer_json: bytes
    datasets: tuple[str, ...]
    tokenizer_name: str = "tokenizer"
    quota: int = 3
    guidelines: str = DEFAULT_GUIDELINES
    hourly_rate: float = 10.0
    seed: int = 0
    release: Release = Release.COMPLETE
    open_to_look: bool = field(default=False, kw_only=True)


def read_tokenizer(path: Path) -> bytes:
    """The tokenizer.json at this path, or in the checkpoint folder at it. Raises ToprankError, naming the path."""
    file = path / TOKENIZER_FILE if path.is_dir() else path
    try:
        tokenizer = ReferenceTokenizer(file.read_bytes())
    except OSError as error:
        raise ToprankError(f"There is no tokenizer at {file}: {error.strerror}.") from error
    return tokenizer.check().tokenizer_json


def create_study(
    session: Session, plan: StudyPlan, *, by: Person | None = None, copied_from: str | None = None
) -> Study:
    """A draft with its datasets and its reference tokenizer.

    Raises ConflictError when the slug is taken, ToprankError when the plan makes no sense.
    """
    _check(plan)
    if session.scalar(select(Study.id).where(Study.slug == plan.slug)):
        raise ConflictError(f"There is a study {plan.slug!r} already; choose another name.")
    is_image = palette_of(plan.tokenizer_json) is not None
    guidelines = IMAGE_GUIDELINES if is_image and plan.guidelines == DEFAULT_GUIDELINES else plan.guidelines
    study = Study(
        slug=plan.slug,
        title=plan.title.strip(),
        quota=plan.quota,
        guidelines=guidelines,
        guidelines_first=plan.guidelines != DEFAULT_GUIDELINES,
        hourly_rate=plan.hourly_rate,
        seed=plan.seed,
        release=plan.release,
        open_to_look=plan.open_to_look,
        reference_tokens_sha256=keep_tokenizer(session, plan.tokenizer_json, plan.tokenizer_name),
        modality=Modality.IMAGE if is_image else Modality.TEXT,
    )
    session.add(study)
    session.flush()
    session.add_all(Dataset(study_id=study.id, name=name) for name in plan.datasets)
    keep_guidelines(session, study)
    record(session, by, "study.create", study, slug=study.slug, copied_from=copied_from)
    return study


def find_study(session: Session, slug: str) -> Study:
    """The study of this name. Raises NotFoundError, which names those there are."""
    study = session.scalar(select(Study).where(Study.slug == slug))
    if study is None:
        known = ", ".join(session.scalars(select(Study.slug).order_by(Study.slug))) or "none yet"
        raise NotFoundError(f"There is no study {slug!r} (studies: {known}).")
    return study


def all_studies(session: Session) -> list[Study]:
    """Every study, the newest first."""
    return list(session.scalars(select(Study).order_by(Study.created_at.desc(), Study.id.desc())))


def page_of_studies(session: Session, *, after: int, limit: int) -> list[Study]:
    """Studies whose id is above `after`, the oldest first."""
    return list(session.scalars(select(Study).where(Study.id > after).order_by(Study.id).limit(limit)))


def dataset_names(session: Session, study: Study) -> list[str]:
    """The study's datasets, in the order they were added."""
    return list(session.scalars(select(Dataset.name).where(Dataset.study_id == study.id).order_by(Dataset.id)))


def kept_tokenizers(session: Session) -> list[ReferenceTokens]:
    """Every tokenizer that a study counts in or that somebody kept for one, by name."""
    return list(session.scalars(select(ReferenceTokens).order_by(ReferenceTokens.name, ReferenceTokens.sha256)))


def kept_tokenizer(session: Session, sha256: str) -> ReferenceTokens:
    """The tokenizer of this hash. Raises NotFoundError."""
    found = session.get(ReferenceTokens, sha256, options=[undefer(ReferenceTokens.tokenizer_json)])
    if found is None:
        raise NotFoundError("There is no such tokenizer here.")
    return found


def kept_palette(session: Session, sha256: str | None) -> Palette | None:
    """The palette of the kept tokens of this hash; None for those of texts, and for no hash."""
    return palette_of(kept_tokenizer(session, sha256).tokenizer_json) if sha256 else None


def tokenizer_of_checkpoint(session: Session, name: str) -> bytes:
    """The tokenizer.json in the folder of a checkpoint. Raises NotFoundError where there is none on this machine."""
    source = session.scalar(select(Checkpoint.source).where(Checkpoint.name == name))
    if source is None or not (Path(source) / TOKENIZER_FILE).is_file():
        raise NotFoundError(f"There is no checkpoint {name!r} with a tokenizer on this machine.")
    return read_tokenizer(Path(source))


def find_dataset(session: Session, study: Study, name: str) -> Dataset:
    """The study's dataset of this name. Raises NotFoundError, which names those it has."""
    datasets = list(session.scalars(select(Dataset).where(Dataset.study_id == study.id).order_by(Dataset.id)))
    found = next((dataset for dataset in datasets if dataset.name == name), None)
    if found is None:
        known = ", ".join(dataset.name for dataset in datasets) or "none"
        raise NotFoundError(f"The study {study.slug!r} has no dataset {name!r} (datasets: {known}).")
    return found


def names_in(session: Session, study: Study) -> tuple[list[str], list[str]]:
    """The study's datasets and its systems, each in the order in which they were added."""
    datasets = select(Dataset.name).where(Dataset.study_id == study.id).order_by(Dataset.id)
    systems = select(System.name).where(System.study_id == study.id).order_by(System.id)
    return list(session.scalars(datasets)), list(session.scalars(systems))


def reference_tokenizer(session: Session, study: Study) -> ReferenceTokenizer:
    """The tokenizer that the study counts lengths in."""
    kept = select(ReferenceTokens.tokenizer_json).where(ReferenceTokens.sha256 == study.reference_tokens_sha256)
    return ReferenceTokenizer(session.scalars(kept).one())


def study_palette(session: Session, study: Study) -> Palette | None:
    """The palette of a study of images; None, without a query, for one of texts."""
    return reference_tokenizer(session, study).palette if study.modality is Modality.IMAGE else None


def move_study(
    session: Session, study: Study, state: StudyState, *, by: Person | None = None, rule: str | None = None
) -> Study:
    """Open, pause or close a study; opening locks its protocol. Raises ConflictError when its state forbids it.

    `rule` is the stopping rule, in words, where it is what closes the study.
    """
    study = lock_study(session, study.id)
    if study.state not in MOVES[state]:
        raise ConflictError(f"The study {study.slug!r} is {study.state}; it cannot become {state}.")
    if state == StudyState.OPEN:
        _check_is_ready(session, study)
        study.opened_at = study.opened_at or datetime.now(UTC)
        lock_protocol(session, study)
    if state == StudyState.CLOSED:
        study.closed_at = datetime.now(UTC)
    study.state = state
    locked = locked_protocol(session, study)
    why = {"rule": rule} if rule else {}
    record(session, by, f"study.{_DEEDS[state]}", study, protocol_sha256=locked.sha256 if locked else None, **why)
    return study


def _check(plan: StudyPlan) -> None:
    if not re.fullmatch(PLAIN_NAME, plan.slug):
        raise ToprankError(f"A study's name has small letters, digits and hyphens, at most 63; {plan.slug!r} is none.")
    if not plan.datasets:
        raise ToprankError("A study needs at least one dataset.")
    if len(set(plan.datasets)) < len(plan.datasets):
        raise ToprankError("Two datasets of a study cannot have the same name.")
    check_dataset_names(plan.datasets)
    for name in ("title", "quota", "hourly_rate", "seed", "guidelines"):
        check_setting(name, getattr(plan, name))


def check_dataset_names(names: Iterable[str]) -> None:
    """Raises ToprankError for a name that no address could hold."""
    for name in names:
        if not re.fullmatch(PLAIN_NAME_WITH_UNDERSCORE, name):
            raise ToprankError(f"A dataset's name has small letters, digits, - and _, at most 63; {name!r} is none.")


def keep_tokenizer(session: Session, tokenizer_json: bytes, name: str) -> str:
    """Keep a tokenizer for studies to count in; returns the hash that names it. Raises TokenizerError."""
    tokenizer = ReferenceTokenizer(tokenizer_json).check()
    if session.get(ReferenceTokens, tokenizer.sha256) is None:
        session.add(ReferenceTokens(sha256=tokenizer.sha256, name=name, tokenizer_json=tokenizer.tokenizer_json))
        session.flush()
    return tokenizer.sha256


def add_tokenizer(session: Session, tokenizer_json: bytes, name: str, *, by: Person | None = None) -> str:
    """Keep a tokenizer that new studies may choose; returns its hash. Raises TokenizerError."""
    sha256 = keep_tokenizer(session, tokenizer_json, name)
    record(session, by, "study.add_tokenizer", None, name=name, sha256=sha256)
    return sha256


def _check_is_ready(session: Session, study: Study) -> None:
    accepted = select(Passage.id).where(
        Passage.study_id == study.id, Passage.state == PassageState.ACCEPTED, ~Passage.unjudged
    )
    if session.scalar(accepted.limit(1)) is None:
        raise ConflictError(f"The study {study.slug!r} has no accepted passage yet; import and accept some first.")
    if session.scalar(select(System.id).where(System.study_id == study.id).limit(1)) is None:
        raise ConflictError(f"The study {study.slug!r} has no system yet; add one first.")
    if study.stop_at is not None and study.stop_at <= datetime.now(UTC):
        raise ConflictError(
            f"The study {study.slug!r} was to stop at {study.stop_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, which has "
            "passed; give a draft another date, or close the study."
        )
