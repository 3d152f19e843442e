"""The demo's study: 24 passages each of Wikipedia, fiction and speeches, continued by SmolLM2-135M."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import make_engine
from app.domain.generation_queue import queue_generation
from app.domain.studies import StudyPlan, create_study, find_dataset, move_study, read_tokenizer, reference_tokenizer
from app.domain.systems import SystemPlan, add_checkpoint, add_system
from app.models import Study
from app.models.study import Release, StudyState
from app.models.system import Strategy
from app.passages.importing import import_passages
from app.passages.reading import read_texts
from generation import smollm2

SLUG = "demo"
TEXTS = Path(__file__).parent / "texts"
DATASETS = ("wikipedia", "fiction", "speeches")
CHECKPOINT = "SmolLM2-135M"
SYSTEMS = (
    SystemPlan("SmolLM2-135M greedy", CHECKPOINT),
    SystemPlan("SmolLM2-135M nucleus", CHECKPOINT, strategy=Strategy.NUCLEUS),
)


def checkpoint(cache_dir: Path) -> Path:
    """The folder of the demo's model; prepared on the first call if the installation has not done it."""
    return smollm2.prepare(cache_dir)


def prepare(database_url: str, checkpoint: Path) -> None:
    """Make the study, open it and queue its generation, in one transaction; on a later start, queue what is missing."""
    engine = make_engine(database_url, pool_size=1)
    try:
        with Session(engine) as session, session.begin():
            study = session.scalar(select(Study).where(Study.slug == SLUG)) or _make(session, checkpoint)
            if study.state != StudyState.CLOSED:
                queue_generation(session, study)
    finally:
        engine.dispose()


def _make(session: Session, checkpoint: Path) -> Study:
    plan = StudyPlan(
        slug=SLUG,
        title="The demo: SmolLM2 against people",
        tokenizer_json=read_tokenizer(checkpoint),
        tokenizer_name=CHECKPOINT,
        datasets=DATASETS,
        release=Release.AS_READY,
        open_to_look=True,
    )
    study = create_study(session, plan)
    tokenizer = reference_tokenizer(session, study)
    for name in DATASETS:
        dataset = find_dataset(session, study, name)
        dataset.study = study
        import_passages(session, dataset, read_texts(TEXTS / f"{name}.jsonl"), tokenizer, accept=True)
    add_checkpoint(session, CHECKPOINT, str(checkpoint))
    for system in SYSTEMS:
        add_system(session, study, system)
    return move_study(session, study, StudyState.OPEN)
