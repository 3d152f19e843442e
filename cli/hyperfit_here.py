"""A run of the trainer that a command starts: its bar, its place in the database, and several processes of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import ToprankError
from cli.connection import database_url, embedded_url

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.domain.hyperfit_plan import HyperfitPlan
    from hyperfitting.config import HyperfitConfig
    from hyperfitting.data import Document
    from hyperfitting.plan import Plan
    from hyperfitting.run import Watchers


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for."""

    base: str
    name: str
    data_name: str
    documents: "list[Document]"
    config: "HyperfitConfig"
    image_tokens: bytes | None = None

    def plan(self, base: str) -> "HyperfitPlan":
        """The same as the database knows it."""
        from app.domain.hyperfit_plan import HyperfitPlan, Text

        return HyperfitPlan(
            name=self.name,
            base=base,
            texts_name=self.data_name,
            texts=[Text(one.text, one.source) for one in self.documents],
            config=self.config.as_json(),
            total_updates=self.config.total_updates,
            image_tokens=self.image_tokens,
        )


def train_here(wanted: Wanted, out: Path, data_dir: Path | None) -> dict[str, str] | None:
    """Train, followed by the database if there is one. None in all processes of a sharded run but the first."""
    from hyperfitting.checkpoints import read_lineage
    from hyperfitting.run import hyperfit as make
    from hyperfitting.sharding import join, leave

    share = join()
    try:
        with _followed(wanted, out, data_dir, is_first=share.rank == 0) as (plan, watchers):
            make(plan, watchers, share)
    finally:
        leave(share)
    lineage = read_lineage(out)
    if share.rank or lineage is None:
        return None
    return {
        "checkpoint": wanted.name,
        "state": "ready",
        "folder": str(out),
        "updates": str(lineage.update),
        "train_loss": f"{lineage.train_loss:.4f}",
        "validation_loss": f"{lineage.validation_loss:.4f}",
        "overlap": lineage.overlap,
    }


@contextmanager
def _followed(wanted: Wanted, out: Path, data_dir: Path | None, *, is_first: bool) -> "Iterator[tuple[Plan, Watchers]]":
    """The plan, and who watches: a bar, and the database's rows, which say at the end how it went."""
    from generation.checkpoint_folder import checkpoint_folder
    from hyperfitting.plan import Plan

    out.parent.mkdir(parents=True, exist_ok=True)
    url = _reachable_database(data_dir)
    with _session(url) as session:
        base, passages = _known(session, wanted.base)
        plan = Plan(
            base=checkpoint_folder(base),
            base_name=wanted.base,
            documents=wanted.documents,
            data_name=wanted.data_name,
            out=out,
            config=wanted.config,
            passages=passages,
        )
        with (
            _bar(wanted, is_shown=is_first) as watchers,
            _recorded(session if is_first else None, wanted, plan) as rows,
        ):
            watchers.on_step += rows.on_step
            watchers.on_point += rows.on_point
            yield plan, watchers


def tokens_of_base(base: str, data_dir: Path | None) -> bytes | None:
    """The base's tokenizer.json; None for what is not on this machine, and is not in the store."""
    from app.domain.store import STORED
    from generation.checkpoint_folder import checkpoint_folder

    with _session(_reachable_database(data_dir)) as session:
        source, _ = _known(session, base)
    folder = checkpoint_folder(source) if source.startswith(STORED) else Path(source).expanduser()
    file = folder / "tokenizer.json"
    return file.read_bytes() if file.is_file() else None


def _reachable_database(data_dir: Path | None) -> str | None:
    """The command's database; none is made for a run that needs none."""
    from app.settings import Settings

    settings = Settings()
    if settings.database_url is None and embedded_url(data_dir or settings.data_dir) is None:
        return None
    return database_url(data_dir)


@contextmanager
def _session(url: str | None) -> "Iterator[Session | None]":
    from app.db import make_engine, make_session_factory

    if url is None:
        yield None
        return
    engine = make_engine(url, pool_size=1)
    try:
        with make_session_factory(engine)() as session:
            yield session
    finally:
        engine.dispose()


def _known(session: "Session | None", base: str) -> "tuple[str, list[Document] | None]":
    """The base's folder or hub id, and the passages that people judge; None without a database to look in."""
    from sqlalchemy import select

    from app.domain.hyperfitting import accepted_passages, check_base_is_ready
    from app.models import Checkpoint
    from hyperfitting.data import Document

    if session is None:
        return base, None
    known = session.scalar(select(Checkpoint).where(Checkpoint.name == base))
    if known is not None:
        check_base_is_ready(known)
    passages = [Document(passage.text, passage.source) for passage in accepted_passages(session)]
    session.commit()
    return known.source if known else base, passages


@contextmanager
def _recorded(session: "Session | None", wanted: Wanted, plan: "Plan") -> "Iterator[Watchers]":
    """Rows in the database for a run that happens here."""
    from app.domain.hyperfitting import fail_training, finish_training, follow_training
    from hyperfitting.checkpoints import read_lineage
    from hyperfitting.recording import Recorder
    from hyperfitting.run import Watchers

    if session is None:
        yield Watchers()
        return
    checkpoint_id = follow_training(session, wanted.plan(wanted.base), plan.out).id
    session.commit()
    try:
        yield Recorder(session, checkpoint_id).watchers
    except ToprankError as error:
        session.rollback()
        fail_training(session, checkpoint_id, str(error))
        session.commit()
        raise
    lineage = read_lineage(plan.out)
    finish_training(session, checkpoint_id, lineage.as_json() if lineage else {})
    session.commit()


@contextmanager
def _bar(wanted: Wanted, *, is_shown: bool) -> "Iterator[Watchers]":
    """A bar on a terminal, a line for each validation everywhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from hyperfitting.curve import in_words
    from hyperfitting.run import Watchers

    console = Console(stderr=True)
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[now]}")]
    if not is_shown:
        yield Watchers()
        return
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"Hyperfitting {wanted.base}", total=wanted.config.total_updates, now="")
        yield Watchers(
            [
                lambda step: progress.update(
                    task, completed=step.update, now=f"loss {step.loss:.3f}, {step.tokens_per_second:.0f} tokens/s"
                )
            ],
            [lambda point: console.print(in_words(point), highlight=False, soft_wrap=True)],
        )
