"""`toprank study set|copy|forecast`: what the wizard does, for scripts."""

import json
from typing import Annotated

import typer

from app.models.study import Release
from cli.connection import DataDir, transaction
from cli.study import AsJson, Slug


def set_settings(
    slug: Slug,
    title: Annotated[str | None, typer.Option(help="What people see.")] = None,
    quota: Annotated[int | None, typer.Option(help="Annotations of each comparison; may only rise once open.")] = None,
    hourly_rate: Annotated[float | None, typer.Option(help="Pay for an hour; may only rise once open.")] = None,
    currency: Annotated[str | None, typer.Option(help="Three capital letters.")] = None,
    seed: Annotated[int | None, typer.Option(help="The study's seed.")] = None,
    release: Annotated[Release | None, typer.Option(help="Judge passages when complete, or as texts come.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Change a study's settings, or without an option show them and how far each may change."""
    from app.domain.studies import find_study
    from app.domain.study_settings import change_settings, freedoms, settings_of

    given = {
        "title": title,
        "quota": quota,
        "hourly_rate": hourly_rate,
        "currency": currency,
        "seed": seed,
        "release": release,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    with transaction(data_dir) as session:
        study = find_study(session, slug)
        changed = change_settings(session, study, changes)
        settings, may = settings_of(study), freedoms(study)
    if as_json:
        print(json.dumps({"changed": changed, "settings": settings, "freedoms": may}, indent=2))
        return
    for name, value in settings.items():
        mark = "*" if name in changed else " "
        print(f"{mark} {name:22} {str(value).splitlines()[0][:60] if value != '' else '':60} {may[name]}")


def copy(
    slug: Slug,
    new_slug: Annotated[str, typer.Argument(help="The copy's name in addresses and commands.")],
    title: Annotated[str | None, typer.Option(help="What people see; the new name by default.")] = None,
    passages: Annotated[bool, typer.Option("--passages", help="With the accepted passages too.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make a draft like another study: datasets, systems, contrasts, guidelines and rules."""
    from app.domain.studies import find_study
    from app.domain.study_drafts import Copy, copy_study

    with transaction(data_dir) as session:
        made = copy_study(session, find_study(session, slug), Copy(new_slug, title or new_slug, passages))
        summary = {"slug": made.slug, "title": made.title, "state": str(made.state)}
    print(json.dumps(summary) if as_json else f"The study {new_slug!r} is a draft like {slug!r}.")


def forecast(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what a study will take, each dataset filled up to 100 passages, and how wide its intervals will be."""
    from dataclasses import asdict

    from app.domain.studies import find_study
    from app.studies.forecast import forecast as forecast_of

    with transaction(data_dir) as session:
        told = forecast_of(session, find_study(session, slug))
    if as_json:
        print(json.dumps(asdict(told), indent=2))
        return
    print(f"{told.passages} passages ({told.accepted} accepted), {told.comparisons} comparisons")
    print(f"{told.annotations} annotations and {told.checks} checks by {told.people.needed} people")
    print(f"{told.hours:.0f} hours at {told.seconds:.0f} seconds a judgement: {told.cost:.0f} {told.currency}")
    for system in told.systems:
        print(f"  {system.name:30} {system.annotations:6} annotations, interval ± {100 * system.half_width:.1f} points")
