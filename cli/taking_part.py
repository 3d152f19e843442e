"""`toprank study`: what a study asks of its annotators before the first comparison, and what they tell it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.connection import DataDir, transaction
from cli.files import text_of
from cli.study import AsJson, Slug


def ask(
    slug: Slug,
    consent: Annotated[
        Path | None,
        typer.Option(help="TOML: purpose, content_warning, contact, review_board (pay, publication, withdrawal)."),
    ] = None,
    guidelines: Annotated[Path | None, typer.Option(help="Markdown; annotators read it before they go on.")] = None,
    english: Annotated[bool | None, typer.Option(help="Ask how their English was verified.")] = None,
    break_minutes: Annotated[int | None, typer.Option(help="Suggest a break after so much work; 0 for never.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Set what annotators agree to, state and read first; a changed text is shown to them again."""
    from app.domain.studies import find_study
    from app.domain.study_settings import change_settings
    from app.domain.taking_part import change_consent, read_consent

    parts = read_consent(text_of(consent)) if consent else None
    words = text_of(guidelines) if guidelines else None
    with transaction(data_dir) as session:
        study = find_study(session, slug)
        if parts is not None:
            change_consent(session, study, parts)
        given = {"guidelines": words, "asks_english": english, "break_minutes": break_minutes}
        change_settings(session, study, {name: value for name, value in given.items() if value is not None})
        asked = {
            "slug": slug,
            "consent_version": study.consent_version,
            "guidelines_version": study.guidelines_version,
            "asks_english": study.asks_english,
            "break_minutes": study.break_minutes,
            "pass_mark": study.pass_mark,
        }
    if as_json:
        print(json.dumps(asked))
        return
    print(
        f"{slug}: consent form {asked['consent_version'] or 'none'}, guidelines {asked['guidelines_version']}, "
        f"English {'asked' if asked['asks_english'] else 'not asked'}, "
        f"break after {asked['break_minutes'] or 'no'} minutes."
    )


def qualification(
    slug: Slug,
    comparisons: Annotated[int, typer.Option(help="How many training comparisons; each sets one passage aside.")] = 6,
    pass_mark: Annotated[int, typer.Option(help="How many of them have to be right.")] = 5,
    attempts: Annotated[int, typer.Option(help="How often an annotator may try.")] = 2,
    retry_minutes: Annotated[int, typer.Option(help="How long between two attempts.")] = 0,
    data_dir: DataDir = None,
) -> None:
    """Let annotators practise and qualify on comparisons with unarguable answers; before the study opens."""
    from app.domain.studies import find_study
    from app.domain.training import QualificationPlan, set_qualification

    plan = QualificationPlan(comparisons, pass_mark, attempts, retry_minutes)
    with transaction(data_dir) as session:
        set_qualification(session, find_study(session, slug), plan)
    print(f"{slug}: {comparisons} training comparisons, {pass_mark} have to be right, {attempts} attempts.")


def flags(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List what annotators told the researchers about single comparisons, the newest first."""
    from dataclasses import asdict

    from app.domain.flags import flagged
    from app.domain.studies import find_study

    with transaction(data_dir) as session:
        notes = flagged(session, find_study(session, slug))
    if as_json:
        print(json.dumps([asdict(note) for note in notes], default=str, indent=2))
        return
    for note in notes:
        print(f"{note.flagged_at:%Y-%m-%d %H:%M} {note.annotator} comparison {note.comparison_id}: {note.note}")


COMMANDS = (ask, qualification, flags)
