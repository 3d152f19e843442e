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


def consent(
    slug: Slug,
    version: Annotated[int | None, typer.Option(min=1, help="An earlier version than annotators read now.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the consent form as annotators read it, its versions, and how many agreed to each; `ask` changes it."""
    from app.domain.studies import find_study
    from app.domain.taking_part import consent_texts, consent_versions, find_consent

    with transaction(data_dir) as session:
        study = find_study(session, slug)
        texts = consent_texts(find_consent(session, study, version).form)
        versions = [
            {"version": one.id, "created_at": f"{one.form.created_at:%Y-%m-%dT%H:%M:%SZ}", "agreed": one.agreed}
            for one in consent_versions(session, study)
        ]
    if as_json:
        print(json.dumps(texts | {"versions": versions}, indent=2, ensure_ascii=False))
        return
    for name, words in texts.items():
        print(f"{name.replace('_', ' ')}: {words}")
    for one in versions:
        print(f"version {one['version']} of {one['created_at']}: {one['agreed']} agreed")


def qualification(
    slug: Slug,
    comparisons: Annotated[int, typer.Option(help="How many training comparisons; each sets one passage aside.")] = 6,
    pass_mark: Annotated[int, typer.Option(help="How many of them have to be right.")] = 5,
    attempts: Annotated[int, typer.Option(help="How often an annotator may try.")] = 2,
    retry_minutes: Annotated[int, typer.Option(help="How long between two attempts.")] = 0,
    show: Annotated[bool, typer.Option("--show", help="Only print what is there.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Let annotators practise and qualify on comparisons with unarguable answers; before the study opens."""
    from dataclasses import asdict

    from app.domain.studies import find_study
    from app.domain.training import QualificationPlan, qualification_of, set_qualification

    with transaction(data_dir) as session:
        study = find_study(session, slug)
        if not show:
            set_qualification(session, study, QualificationPlan(comparisons, pass_mark, attempts, retry_minutes))
        found = qualification_of(session, study)
    if as_json:
        told = {**asdict(found.plan), "began": found.began, "passed": found.passed} if found else None
        print(json.dumps({"slug": slug, "qualification": told}))
    elif found is None:
        print(f"The study {slug!r} has no qualification.")
    else:
        plan = found.plan
        print(
            f"{slug}: {plan.comparisons} training comparisons, {plan.pass_mark} have to be right, {plan.attempts} "
            f"attempts. Annotators who began: {found.began}; who passed: {found.passed}."
        )


def flags(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List what annotators told the researchers about single comparisons, the newest first."""
    from dataclasses import asdict

    from app.domain.flags import flagged
    from app.domain.studies import find_study

    with transaction(data_dir) as session:
        notes = flagged(session, find_study(session, slug))[::-1]
    if as_json:
        print(json.dumps([asdict(note) for note in notes], default=str, indent=2))
        return
    for note in notes:
        print(f"{note.flagged_at:%Y-%m-%d %H:%M} {note.annotator} comparison {note.comparison_id}: {note.note}")


COMMANDS = (ask, consent, qualification, flags)
