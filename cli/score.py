"""`toprank score`: let a study's checkpoints read its passages, and say what they made of them."""

import json
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.connection import DataDir, database_url, transaction

if TYPE_CHECKING:
    from app.domain.scores import ScoreSummary


def score(
    slug: Annotated[str, typer.Argument(help="The study.")],
    now: Annotated[bool, typer.Option("--now", help="Do it here instead of leaving it to workers.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Only print what is there.")] = False,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score what the study's checkpoints predict over its passages: perplexity, entropy, top-1/3/5 mass."""
    from dataclasses import asdict

    from app.domain.scores import score_summaries
    from app.domain.scoring_queue import checkpoints_of, queue_scoring
    from app.domain.studies import find_study

    with transaction(data_dir) as session:
        study = find_study(session, slug)
        here = now and not show
        checkpoints = checkpoints_of(session, study) if here else [] if show else queue_scoring(session, study)
        names, study_id = {one.id: one.name for one in checkpoints}, study.id
    if here:
        _score_here(study_id, names, data_dir)
    with transaction(data_dir) as session:
        summaries = score_summaries(session, find_study(session, slug))
    queued = [] if here else list(names.values())
    if as_json:
        print(json.dumps({"study": slug, "queued": queued, "scores": [asdict(one) for one in summaries]}, indent=2))
        return
    if not show:
        print(f"Queued: {', '.join(queued)}." if queued else "Nothing is left to score.")
    _print_table(summaries)


def _score_here(study_id: int, checkpoints: dict[int, str], data_dir: Path | None) -> None:
    """Raises ToprankError, with the reason that is kept as well, for the first checkpoint that fails."""
    from app.errors import ConflictError, ToprankError
    from app.models import Scoring
    from app.settings import Settings
    from generation.generate import Outcome
    from generation.loaded import Loaded
    from generation.scoring import ScoringOrder, score

    for checkpoint_id, name in checkpoints.items():
        order = ScoringOrder(database_url(data_dir), study_id, checkpoint_id, Settings().generation_batch)
        with ExitStack() as stack:
            from rich.console import Console

            loaded = stack.enter_context(closing(Loaded()))
            console = Console(stderr=True)
            if console.is_terminal:
                status = stack.enter_context(console.status(f"Loading {name}"))
                outcome = score(order, lambda report: status.update(str(report)), loaded)  # noqa: B023 - used at once
            else:
                outcome = score(order, lambda report: console.print(str(report)), loaded)  # noqa: B023
        if outcome is Outcome.BUSY:
            raise ConflictError(f"A worker is scoring by {name} just now; let it, or stop it first.")
        if outcome is Outcome.FAILED:
            with transaction(data_dir) as session:
                reason = session.get_one(Scoring, (study_id, checkpoint_id)).reason
            raise ToprankError(f"{name}: {reason}")


def _print_table(summaries: "list[ScoreSummary]") -> None:
    from rich.console import Console
    from rich.table import Table

    if not summaries:
        return
    table = Table("checkpoint", "dataset", "n", "perplexity, mean", "bits/byte", "entropy", "top-1, 3, 5 in %")
    for one in summaries:
        masses = " ".join(f"{100 * mass:.1f}" for mass in (one.top1_mass, one.top3_mass, one.top5_mass))
        perplexities = f"{one.perplexity:.1f} {one.mean_perplexity:.1f}"
        row = (one.checkpoint, one.dataset or "all", str(one.passages), perplexities)
        table.add_row(*row, f"{one.bits_per_byte:.3f}", f"{one.entropy:.3f}", masses, end_section=not one.dataset)
    Console().print(table)
