"""`toprank study protocol`: what a study decides before its results are seen."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connection import DataDir, transaction
from cli.study import AsJson, Slug

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.models import Study


def protocol(
    slug: Slug,
    contrast: Annotated[
        list[str] | None, typer.Option(help="A system to compare; give --against with it. Replaces all contrasts.")
    ] = None,
    against: Annotated[list[str] | None, typer.Option(help="The system that --contrast is compared with.")] = None,
    no_contrasts: Annotated[bool, typer.Option("--no-contrasts", help="Compare nothing by plan: explore.")] = False,
    stop: Annotated[
        str | None,
        typer.Option(help="When to close: quota, a date (2026-12-01T18:00+00:00), or a number of annotations."),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show a study's protocol and its hash, and change it while the study is a draft; opening locks it.

    Who is left out is set by `toprank study rules`: withdrawal and the thresholds.
    """
    from app.domain.protocol import read_stopping, set_contrasts, set_stopping
    from app.domain.studies import find_study

    pairs = _pairs(contrast or [], against or [], none=no_contrasts)
    with transaction(data_dir) as session:
        study = find_study(session, slug)
        if pairs or no_contrasts:
            set_contrasts(session, study, pairs)
        if stop is not None:
            set_stopping(session, study, read_stopping(stop))
        values = _values(session, study)
    if as_json:
        print(json.dumps(values, indent=2, ensure_ascii=False))
        return
    _print(values)


def _pairs(contrast: list[str], against: list[str], *, none: bool) -> list[tuple[str, str]]:
    from app.errors import ToprankError

    if len(contrast) != len(against):
        raise ToprankError("Each --contrast needs an --against: they are the two systems of a pair.")
    if contrast and none:
        raise ToprankError("A study has contrasts or none; give either --contrast or --no-contrasts.")
    return list(zip(contrast, against, strict=True))


def _values(session: "Session", study: "Study") -> dict[str, Any]:
    from app.domain.protocol import departures, locked_protocol, protocol_hash, study_protocol

    content, locked = study_protocol(session, study), locked_protocol(session, study)
    return {
        "sha256": locked.sha256 if locked else protocol_hash(content),
        "locked_at": locked.locked_at.isoformat() if locked else None,
        "departures": departures(locked, content) if locked else [],
        "protocol": content,
    }


def _print(values: dict[str, Any]) -> None:
    content = values["protocol"]
    pairs = ", ".join(f"{one} against {other}" for one, other in content["contrasts"])
    stopping = content["stopping"]
    print(f"protocol {values['sha256']}, " + (f"locked {values['locked_at']}" if values["locked_at"] else "not locked"))
    print(f"contrasts    {pairs or 'none: comparisons are exploratory'}")
    print(f"exclusion    {', '.join(f'{name} {value}' for name, value in content['exclusion'].items())}")
    print(f"stopping     {stopping['at'] or stopping['after'] or 'when every comparison has its annotations'}")
    print(f"quota        {content['quota']}")
    if values["departures"]:
        print(f"departs from what was locked in {', '.join(values['departures'])}")
