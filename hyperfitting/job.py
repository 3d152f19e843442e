"""Train a checkpoint that the database asks for, from the texts that it keeps."""

import logging
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from app.domain.hyperfitting import (
    accepted_passages,
    check_base_is_ready,
    fail_training,
    finish_training,
    trained_folder,
    training_lock,
)
from app.errors import ToprankError, UnavailableError
from app.models import Checkpoint, HyperfitRun, HyperfitTexts
from app.models.checkpoint import CheckpointState
from app.settings import Settings
from generation.checkpoint_folder import checkpoint_folder
from generation.generate import Outcome, session_holding
from generation.transfer.fetching import Source, web_app
from hyperfitting.checkpoints import read_lineage
from hyperfitting.config import HyperfitConfig
from hyperfitting.curve import in_words
from hyperfitting.data import Document
from hyperfitting.delivery import deliver
from hyperfitting.plan import Plan
from hyperfitting.recording import Recorder
from hyperfitting.run import hyperfit

LOG = logging.getLogger("toprank.hyperfitting")


@dataclass(frozen=True)
class HyperfitOrder:
    """Which checkpoint to make, and where that is written down."""

    database_url: str
    checkpoint_id: int


def train(order: HyperfitOrder) -> Outcome:
    """Make the checkpoint, or go on making it; a reason that a person can act on goes to its row."""
    with session_holding(order.database_url, training_lock(order.checkpoint_id)) as session:
        if session is None:
            return Outcome.BUSY
        try:
            return _train(session, order.checkpoint_id)
        except ToprankError as error:
            session.rollback()
            fail_training(session, order.checkpoint_id, str(error))
            session.commit()
            return Outcome.FAILED


def _train(session: Session, checkpoint_id: int) -> Outcome:
    checkpoint, run = session.get(Checkpoint, checkpoint_id), session.get(HyperfitRun, checkpoint_id)
    if checkpoint is None or run is None or checkpoint.state is not CheckpointState.TRAINING:
        return Outcome.DONE
    settings = Settings()
    home = web_app(settings)
    # A folder that the web app names is on its own machine.
    out = trained_folder(settings.cache_dir, checkpoint.name) if home else Path(checkpoint.source)
    plan, name = _plan(session, checkpoint, run, out), checkpoint.name
    session.commit()  # nothing stays locked while the model computes
    out.parent.mkdir(parents=True, exist_ok=True)
    watchers = Recorder(session, checkpoint_id).watchers
    watchers.on_point.append(lambda point: LOG.info("%s: %s", name, in_words(point)))
    lineage = read_lineage(hyperfit(plan, watchers))
    if home is not None:
        return _deliver(home, checkpoint_id, out, settings.cache_dir)
    finish_training(session, checkpoint_id, lineage.as_json() if lineage else {})
    session.commit()
    LOG.info("%s is ready.", name)
    return Outcome.DONE


def _deliver(home: Source, checkpoint_id: int, folder: Path, cache: Path) -> Outcome:
    """Bring what was trained into the web app's store, by which the run is finished; its `validate` job is next."""
    try:
        deliver(home, checkpoint_id, folder, cache)
    except UnavailableError as error:
        LOG.warning("%s", error)
        return Outcome.BUSY  # the job comes back, finds the folder as it is, and goes on with sending it
    return Outcome.DONE


def _plan(session: Session, checkpoint: Checkpoint, run: HyperfitRun, out: Path) -> Plan:
    base, texts = session.get(Checkpoint, run.base_id), session.get(HyperfitTexts, run.texts_sha256)
    if base is None or texts is None:
        raise ToprankError(f"{checkpoint.name} was trained elsewhere; nothing here says on what.")
    check_base_is_ready(base)
    return Plan(
        base=checkpoint_folder(base.source),
        base_name=base.name,
        documents=[Document(str(one["text"]), one["source"]) for one in texts.documents],
        data_name=texts.name,
        out=out,
        config=HyperfitConfig.from_json(run.config),
        passages=[Document(passage.text, passage.source) for passage in accepted_passages(session)],
    )
