"""`toprank generate`: let a study's systems write what they lack."""

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import DataDir, database_url, transaction

if TYPE_CHECKING:
    from generation.generate import Progress


def generate(
    slug: Annotated[str, typer.Argument(help="The study.")],
    engine: Annotated[
        str, typer.Option(help="auto (vllm where a GPU is, else transformers), vllm or transformers.")
    ] = "auto",
    now: Annotated[bool, typer.Option("--now", help="Do it here instead of leaving it to workers.")] = False,
    system: Annotated[list[str] | None, typer.Option(help="Only this system; may be repeated.")] = None,
    pause: Annotated[bool, typer.Option("--pause", help="Stop, and stay out of the queue until --retry.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop, and leave the queue.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Queue again what failed, was paused or cancelled.")] = False,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Queue what is missing; workers write it, and what is there already stays as it is."""
    from app.domain.generation_queue import incomplete_systems, queue_generation, retry_systems, stop_systems
    from app.domain.studies import find_study
    from generation.loaded import check_engine

    check_engine(engine)
    _check_options(now, pause, cancel, retry)
    named = system or ()
    with transaction(data_dir) as session:
        study = find_study(session, slug)
        if pause or cancel:
            found = stop_systems(session, study, named, pause=pause)
        elif retry:
            found = retry_systems(session, study, named, engine=engine)
        elif now:
            found = incomplete_systems(session, study, named)
        else:
            found = queue_generation(session, study, named, engine=engine)
        systems = {one.id: one.name for one in found}
    if now:
        _write_here(systems, engine, data_dir)
    names = list(systems.values())
    done = "paused" if pause else "cancelled" if cancel else "written" if now else "queued"
    print(json.dumps({"study": slug, done: names}) if as_json else _in_words(names, done))


def _check_options(*actions: bool) -> None:
    from app.errors import ToprankError

    if sum(actions) > 1:
        raise ToprankError("Choose one of --now, --pause, --cancel and --retry.")


def _write_here(systems: dict[int, str], engine: str, data_dir: Path | None) -> None:
    """One system after the other; raises ToprankError at the end, with what the systems show as well, if some fail."""
    from app.errors import ToprankError
    from app.settings import Settings
    from generation.generate import Order, Outcome, generate
    from generation.loaded import Loaded

    settings, faults = Settings(), []
    with closing(Loaded()) as loaded:
        for system_id, name in systems.items():
            order = Order(
                database_url=database_url(data_dir),
                system_id=system_id,
                engine=engine,
                first_batch=settings.generation_first_batch,
                batch=settings.generation_batch,
            )
            with _bar() as report:
                outcome = generate(order, report, loaded)
            if outcome is Outcome.BUSY:
                faults.append(f"A worker is writing for {name} just now; let it, or stop it first.")
            if outcome is Outcome.FAILED:
                loaded.close()  # what could not go on may be in no state to
                faults.append(f"{name}: {_reason(system_id, data_dir)}")
    if faults:
        raise ToprankError(" ".join(faults))


def _reason(system_id: int, data_dir: Path | None) -> str | None:
    from app.models import System

    with transaction(data_dir) as session:
        return session.get_one(System, system_id).reason


class _bar:  # noqa: N801 - used like the functions of contextlib
    """Shows how far a system is: a bar on a terminal, a line for each batch in a log."""

    def __enter__(self) -> "_bar":
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.console = Console(stderr=True)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task("Loading the model", total=None, speed="")
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def __call__(self, report: "Progress") -> None:
        speed = f"{report.tokens_per_second:.0f} tokens/s"
        self.progress.update(
            self.task, description=report.system, completed=report.written, total=report.total, speed=speed
        )
        if not self.console.is_terminal:
            self.console.print(str(report))


def _in_words(names: list[str], done: str) -> str:
    return f"{done.capitalize()}: {', '.join(names)}." if names else "Nothing is missing."
