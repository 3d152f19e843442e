"""`toprank system`: what competes in a study."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.models.system import Strategy
from cli.connection import DataDir, transaction

if TYPE_CHECKING:
    from app.domain.systems import TrainingPlan
    from app.models import System

app = typer.Typer(help="Systems: list, add, remove.", no_args_is_help=True)


@app.command("list")
def list_systems(
    slug: Annotated[str, typer.Argument(help="The study.")],
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List a study's systems with how they decode, in the order they were added."""
    from app.domain.studies import find_study
    from app.domain.systems import study_systems

    with transaction(data_dir) as session:
        systems = [_values(system) for system in study_systems(session, find_study(session, slug))]
    if as_json:
        print(json.dumps(systems, indent=2))
        return
    for system in systems:
        lengths = ", ".join(map(str, system["scenarios"]))
        print(f"{system['name']:30} {system['checkpoint']:30} {system['strategy']:8} {lengths:9} {system['state']}")


@app.command()
def add(
    slug: Annotated[str, typer.Argument(help="The study.")],
    name: Annotated[str, typer.Argument(help="What to call the system in tables.")],
    checkpoint: Annotated[str, typer.Option(help="The checkpoint's name.")],
    decoding: Annotated[Strategy, typer.Option(help="How the next token is chosen.")],
    top_p: Annotated[float, typer.Option(help="Nucleus only.")] = 0.9,
    temperature: Annotated[float, typer.Option(help="Nucleus only.")] = 0.7,
    top_k: Annotated[int, typer.Option(help="Nucleus only; 0 is off.")] = 50,
    seed: Annotated[int, typer.Option(help="Nucleus only.")] = 0,
    repetition_penalty: Annotated[float, typer.Option(help="1 is off.")] = 1.0,
    chat_template: Annotated[
        bool, typer.Option("--chat-template", help="Let the checkpoint's chat template make prompts of contexts.")
    ] = False,
    scenario: Annotated[list[int] | None, typer.Option(help="128 or 256; both by default.")] = None,
    block_citations: Annotated[
        bool, typer.Option("--block-citations", help="Never go on with a run of the training set (paper s3).")
    ] = False,
    training_set: Annotated[
        Path | None,
        typer.Option(help="Texts not to repeat (.jsonl, .csv, .txt); by default what the checkpoint was trained on."),
    ] = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Add a system to a draft of a study."""
    from app.domain.studies import find_study
    from app.domain.systems import SystemPlan, add_system
    from app.models.system import SCENARIOS

    plan = SystemPlan(
        name=name,
        checkpoint=checkpoint,
        strategy=decoding,
        top_p=top_p,
        temperature=temperature,
        top_k=top_k,
        seed=seed,
        repetition_penalty=repetition_penalty,
        chat_template=chat_template,
        scenarios=tuple(scenario or SCENARIOS),
        block_citations=block_citations,
        training_texts=_read(training_set) if training_set else None,
    )
    with transaction(data_dir) as session:
        added = add_system(session, find_study(session, slug), plan)
        summary = {"study": slug, "system": added.name, "scenarios": added.scenarios}
    print(json.dumps(summary) if as_json else f"The study {slug!r} has the system {name!r}.")


@app.command()
def remove(
    slug: Annotated[str, typer.Argument(help="The study.")],
    name: Annotated[str, typer.Argument(help="The system.")],
    data_dir: DataDir = None,
) -> None:
    """Take a system that has written nothing out of a draft."""
    from app.domain.studies import find_study
    from app.domain.study_drafts import remove_system

    with transaction(data_dir) as session:
        remove_system(session, find_study(session, slug), name)
    print(f"The study {slug!r} has no system {name!r} any more.")


def _values(system: "System") -> dict[str, Any]:
    """How a system decodes and where it stands."""
    from app.domain.systems import SystemPlan

    names = [name for name in SystemPlan.__dataclass_fields__ if name not in ("checkpoint", "training_texts")]
    own = {name: getattr(system, name) for name in (*names, "state", "reason", "paused")}
    return {"id": system.id, "checkpoint": system.checkpoint.name} | own


def _read(file: Path) -> "TrainingPlan":
    from app.domain.systems import TrainingPlan
    from app.texts.reading import read_texts

    return TrainingPlan(file.name, tuple(one.text for one in read_texts(file)))
