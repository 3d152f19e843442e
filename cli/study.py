"""`toprank study`: make studies, and move them from draft to closed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.models.study import DEFAULT_GUIDELINES, Release, StudyState
from cli.connection import DataDir, transaction
from cli.files import text_of

if TYPE_CHECKING:
    from app.models import Study

app = typer.Typer(help="Studies: create, list, show, open, pause, close.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Slug = Annotated[str, typer.Argument(help="The study's name in addresses and commands.")]


@app.command()
def create(
    slug: Slug,
    tokenizer: Annotated[
        Path, typer.Option(help="A tokenizer.json, or a checkpoint folder with one: what lengths are counted in.")
    ],
    dataset: Annotated[list[str], typer.Option(help="A dataset's name; give it once for each dataset.")],
    title: Annotated[str | None, typer.Option(help="What people see; the slug by default.")] = None,
    quota: Annotated[int, typer.Option(help="Independent annotations for each comparison.")] = 3,
    guidelines: Annotated[Path | None, typer.Option(help="A Markdown file that annotators read.")] = None,
    hourly_rate: Annotated[float, typer.Option(help="What an hour of annotation pays.")] = 10.0,
    seed: Annotated[int, typer.Option(help="The study's seed.")] = 0,
    release: Annotated[
        Release, typer.Option(help="Judge a passage once all its systems wrote, or as they come.")
    ] = Release.COMPLETE,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a draft of a study."""
    from app.domain.studies import StudyPlan, create_study, read_tokenizer

    plan = StudyPlan(
        slug=slug,
        title=title or slug,
        tokenizer_json=read_tokenizer(tokenizer),
        tokenizer_name=tokenizer.resolve().name if tokenizer.is_dir() else tokenizer.resolve().parent.name,
        datasets=tuple(dataset),
        quota=quota,
        guidelines=text_of(guidelines) if guidelines else DEFAULT_GUIDELINES,
        hourly_rate=hourly_rate,
        seed=seed,
        release=release,
    )
    with transaction(data_dir) as session:
        _report(_summary(create_study(session, plan)), as_json=as_json)


@app.command("list")
def list_studies(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every study, the newest first."""
    from app.domain.studies import all_studies

    with transaction(data_dir) as session:
        studies = [_summary(study) for study in all_studies(session)]
    if as_json:
        print(json.dumps(studies, indent=2))
        return
    for study in studies:
        print(f"{study['slug']:30} {study['state']:8} {study['title']}")


@app.command()
def show(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show how far a study is, at which pace, and what about it wants an eye."""
    from dataclasses import asdict

    from app.domain.closing import has_reached_its_rule, rule_in_words
    from app.domain.progress import study_progress
    from app.domain.studies import find_study
    from app.studies.alerts import alerts
    from app.studies.pace import pace

    with transaction(data_dir) as session:
        study = find_study(session, slug)
        summary, progress = _summary(study), study_progress(session, study)
        reached = has_reached_its_rule(session, study)
        going, wanting = pace(session, study, progress), [one.words for one in alerts(session, study, progress)]
    if as_json:
        told = summary | {"stopping_rule_reached": reached, "alerts": wanting}
        told |= {"pace": asdict(going), "progress": asdict(progress)}
        print(json.dumps(told, indent=2, default=str))
        return
    print(f"{study.title} ({slug}) is {study.state}: {progress.annotations} of {progress.wanted} annotations.")
    if reached:
        print(f"The stopping rule is reached: the study stops {rule_in_words(study)}.")
    if going.per_hour is not None:
        done = f", done on {going.ends_at:%Y-%m-%d %H:%M}" if going.ends_at else ""
        print(f"{going.per_hour:.1f} annotations an hour{done}; {going.spent:.2f} {going.currency} spent.")
    for words in wanting:
        print(f"! {words}")
    for dataset in progress.datasets:
        print(f"  {dataset.name:30} {dataset.accepted} passages accepted, {dataset.pending} waiting for a verdict")
    for system in progress.systems:
        speed = f", {system.tokens_per_second:.0f} tokens/s" if system.tokens_per_second else ""
        print(f"  {system.name:30} {system.continuations}/{system.passages} continuations, {system.state}{speed}")
        if system.cited_steps is not None:
            print(f"    citations: {system.cited_steps} steps in the training set, {system.blocked_steps} changed")
        if system.reason:
            print(f"    {system.reason}")


@app.command("open")
def open_study(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Open a study: annotators get its comparisons as they are released."""
    _move(slug, StudyState.OPEN, data_dir, as_json=as_json)


@app.command()
def pause(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Pause a study: what is being read may still be answered, nothing new is handed out."""
    _move(slug, StudyState.PAUSED, data_dir, as_json=as_json)


@app.command()
def close(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Close a study for good; its results are open from then on."""
    _move(slug, StudyState.CLOSED, data_dir, as_json=as_json)


def _move(slug: str, state: StudyState, data_dir: Path | None, *, as_json: bool) -> None:
    from app.domain.studies import find_study, move_study

    with transaction(data_dir) as session:
        _report(_summary(move_study(session, find_study(session, slug), state)), as_json=as_json)


def _summary(study: "Study") -> dict[str, Any]:
    return {"slug": study.slug, "title": study.title, "state": str(study.state), "quota": study.quota}


def _report(summary: dict[str, Any], *, as_json: bool) -> None:
    print(json.dumps(summary) if as_json else f"The study {summary['slug']!r} is {summary['state']}.")
