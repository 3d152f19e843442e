"""The demo's study: 24 passages each of Wikipedia, fiction and speeches, continued by SmolLM2-135M."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db import make_engine
from app.domain.generation_queue import queue_generation
from app.domain.hyperfit_plan import HyperfitPlan, Text
from app.domain.hyperfitting import add_trained, queue_training, trained_folder
from app.domain.studies import StudyPlan, create_study, find_dataset, move_study, read_tokenizer, reference_tokenizer
from app.domain.systems import SystemPlan, TrainingPlan, add_checkpoint, add_system
from app.models import Checkpoint, Study
from app.models.checkpoint import CheckpointState
from app.models.study import Release, StudyState
from app.models.system import Strategy
from app.passages.importing import import_passages
from app.texts.reading import read_texts
from generation import smollm2

SLUG = "demo"
TEXTS = Path(__file__).parent / "texts"
DATASETS = ("wikipedia", "fiction", "speeches")
CHECKPOINT = "SmolLM2-135M"
HYPERFITTED = "SmolLM2-135M hyperfitted"
TRAINING = TEXTS / "training.jsonl"
SYSTEMS = (
    SystemPlan("SmolLM2-135M greedy", CHECKPOINT),
    SystemPlan("SmolLM2-135M nucleus", CHECKPOINT, strategy=Strategy.NUCLEUS),
)
# The small recipe: a few minutes on two cores where the paper's takes a day.
RECIPE: dict[str, int | float] = {
    "samples": 16,
    "length": 128,
    "epochs": 20,
    "stop_at_loss": 0.1,
    "lr": 1e-4,
    "validate_every": 10,
    "validation_samples": 8,
    "contexts": 4,
}
# By the CPU time that it took: 10 minutes for what the base writes, 7 for the training, 6 for what is written then.
TAKES = "Its texts come after about 12 minutes on two quiet cores, the last of them after about 16; on busy ones later."
UPDATES = 40  # 20 epochs of 16 / 8, if the loss is not reached before


def checkpoint(cache_dir: Path) -> Path:
    """The folder of the demo's model; prepared on the first call if the installation has not done it."""
    return smollm2.prepare(cache_dir)


def prepare(database_url: str, checkpoint: Path, store: Path) -> str:
    """Make the study, open it and queue its work, in one transaction; on a later start, queue what is missing.

    Returns what there will be to see and when, in words. Jobs are taken in the order they were queued: what the base
    writes comes first, then the hyperfitting, which the systems that need it wait for.
    """
    engine = make_engine(database_url, pool_size=1)
    try:
        with Session(engine) as session, session.begin():
            study = session.scalar(select(Study).where(Study.slug == SLUG)) or _make(session, checkpoint, store)
            if study.state != StudyState.CLOSED:
                queue_generation(session, study)
                hyperfitted = session.scalar(select(Checkpoint).where(Checkpoint.name == HYPERFITTED))
                if hyperfitted is not None:  # a demo made by an earlier version has none
                    queue_training(session, hyperfitted)
            return _outlook(session)
    finally:
        engine.dispose()


def _outlook(session: Session) -> str:
    """Empty when nothing is waited for."""
    hyperfitted = session.scalar(select(Checkpoint).where(Checkpoint.name == HYPERFITTED))
    if hyperfitted is None or hyperfitted.state is not CheckpointState.TRAINING:
        return ""
    return (
        f"The first texts can be judged in a minute or two. When {CHECKPOINT} has written its own, a worker hyperfits "
        f"it, which can be watched at /checkpoints/{hyperfitted.id}/hyperfitting. {TAKES}"
    )


def _make(session: Session, checkpoint: Path, store: Path) -> Study:
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
    texts = [Text(text.text, text.source) for text in read_texts(TRAINING)]
    add_trained(session, _hyperfitting(texts), trained_folder(store, HYPERFITTED))
    blocked = TrainingPlan(TRAINING.name, tuple(text.text for text in texts))
    for system in (
        *SYSTEMS,
        SystemPlan(HYPERFITTED, HYPERFITTED),
        SystemPlan(f"{HYPERFITTED}, citations blocked", HYPERFITTED, block_citations=True),
        SystemPlan("SmolLM2-135M greedy, citations blocked", CHECKPOINT, block_citations=True, training_texts=blocked),
    ):
        add_system(session, study, system)
    return move_study(session, study, StudyState.OPEN)


def _hyperfitting(texts: list[Text]) -> HyperfitPlan:
    return HyperfitPlan(
        name=HYPERFITTED,
        base=CHECKPOINT,
        texts_name=TRAINING.name,
        texts=texts,
        config=RECIPE,
        total_updates=UPDATES,
    )
