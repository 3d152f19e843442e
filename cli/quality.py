"""`toprank study gold|rules|quality|pause-annotator|resume|withdraw`: checks on annotators, decisions about them."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.models.study import Withdrawal
from cli.connection import DataDir, transaction
from cli.study import AsJson, Slug

if TYPE_CHECKING:
    from app.quality.measures import AnnotatorQuality, Share

Annotator = Annotated[str, typer.Argument(help="The annotator's pseudonym in this study, or their e-mail.")]
Reason = Annotated[str, typer.Option(help="Kept with the decision.")]


def gold(
    slug: Slug,
    count: Annotated[int, typer.Option(min=1, help="How many gold comparisons to make.")] = 20,
    show: Annotated[bool, typer.Option("--show", help="Make none; only say how many there are.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Make gold comparisons from accepted passages that no system has written for; `rules` sets how often they come."""
    from app.domain.gold import gold_count, make_gold
    from app.domain.studies import find_study

    with transaction(data_dir) as session:
        study = find_study(session, slug)
        total = gold_count(session, study) if show else make_gold(session, study, count)
    print(json.dumps({"slug": slug, "gold": total}) if as_json else f"The study {slug!r} has {total} gold comparisons.")


def rules(
    slug: Slug,
    gold_share: Annotated[float | None, typer.Option(help="Share of assignments that are gold.")] = None,
    repeat_share: Annotated[float | None, typer.Option(help="Share of assignments that are repeats.")] = None,
    max_share: Annotated[float | None, typer.Option(help="What one annotator may fill of the study.")] = None,
    max_exposures: Annotated[int | None, typer.Option(help="How often one annotator may meet a passage.")] = None,
    exposure_gap: Annotated[
        int | None, typer.Option(help="Judgements before a passage or a repeat comes back.")
    ] = None,
    min_gold_accuracy: Annotated[float | None, typer.Option(help="Pause whoever falls below.")] = None,
    min_self_consistency: Annotated[float | None, typer.Option(help="Pause whoever falls below.")] = None,
    min_reading_ms: Annotated[int | None, typer.Option(help="Pause whose median falls below.")] = None,
    withdrawal: Annotated[Withdrawal | None, typer.Option(help="What becomes of a withdrawn person's answers.")] = None,
    clear: Annotated[
        list[str] | None, typer.Option(metavar="THRESHOLD", help="One that is to pause nobody, such as min_reading_ms.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what a study asks of its annotators, and change it while the study is a draft."""
    from dataclasses import asdict

    from app.domain.rules import Rules, rules_of
    from app.domain.studies import find_study
    from app.domain.study_settings import change_settings

    given = locals()
    changes = {name: given[name] for name in Rules.__dataclass_fields__ if given[name] is not None}
    changes |= _cleared(clear or [])
    with transaction(data_dir) as session:
        study = find_study(session, slug)
        change_settings(session, study, changes)
        values = asdict(rules_of(study))
    if as_json:
        print(json.dumps(values))
        return
    for name, value in values.items():
        print(f"{name:22} {'none' if value is None else value}")


def _cleared(names: list[str]) -> dict[str, None]:
    from app.domain.rules import THRESHOLDS
    from app.errors import ToprankError

    names = [name.replace("-", "_") for name in names]
    for name in names:
        if name not in THRESHOLDS:
            raise ToprankError(f"{name!r} is no threshold; there are {', '.join(THRESHOLDS)}.")
    return dict.fromkeys(names)


def quality(slug: Slug, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show how each annotator works; who waits for a review comes first."""
    from app.domain.studies import find_study
    from app.quality.measures import study_quality

    with transaction(data_dir) as session:
        annotators = [_values(one) for one in study_quality(session, find_study(session, slug))]
    if as_json:
        print(json.dumps({"slug": slug, "annotators": annotators}, indent=2))
        return
    if not annotators:
        print(f"Nobody has judged anything in {slug!r} yet.")
    for one in annotators:
        gold, same, agreement = one["gold"], one["self_consistency"], one["agreement"]
        print(
            f"{one['annotator']}  {one['state']:9} {one['answers']} answers, gold {gold['good']}/{gold['total']}, "
            f"repeats {same['good']}/{same['total']}, agreement {agreement['good']}/{agreement['total']}"
        )
        if one["state"] != "active" and one["reason"]:
            print(f"    {one['reason']}")


def pause_annotator(
    slug: Slug, annotator: Annotator, reason: Reason = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Hand an annotator nothing new in this study until somebody resumes them."""
    from app.domain.pseudonyms import find_annotator
    from app.domain.reviews import pause
    from app.quality.deciding import about_annotator

    with transaction(data_dir) as session:
        about_annotator(session, slug, annotator, pause, by_id=None, reason=reason, find=find_annotator)
    print(json.dumps({"annotator": annotator, "state": "paused"}) if as_json else f"{annotator} is paused in {slug!r}.")


def resume(
    slug: Slug, annotator: Annotator, reason: Reason = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Let an annotator go on who was paused for review."""
    from app.domain.pseudonyms import find_annotator
    from app.domain.reviews import resume as decide
    from app.quality.deciding import about_annotator

    with transaction(data_dir) as session:
        about_annotator(session, slug, annotator, decide, by_id=None, reason=reason, find=find_annotator)
    print(json.dumps({"annotator": annotator, "state": "active"}) if as_json else f"{annotator} may go on in {slug!r}.")


def withdraw(
    slug: Slug, annotator: Annotator, reason: Reason = "", data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Withdraw an annotator for good; their answers are kept or replaced as the study's protocol says."""
    from dataclasses import asdict

    from app.domain.pseudonyms import find_annotator
    from app.domain.withdrawals import withdraw as decide
    from app.quality.deciding import about_annotator

    with transaction(data_dir) as session:
        done = about_annotator(session, slug, annotator, decide, by_id=None, reason=reason, find=find_annotator)
    if as_json:
        print(json.dumps({"annotator": annotator, "state": "withdrawn", **asdict(done)}))
        return
    print(f"{annotator} is withdrawn from {slug!r}: {done.answers} answers kept, {done.reopened} slots reopened.")


def _values(one: "AnnotatorQuality") -> dict[str, Any]:
    position = one.position
    return {
        "annotator": one.annotator,
        "state": {"paused": "paused", "withdrawn": "withdrawn"}.get(one.state or "", "active"),
        "reason": one.reason,
        "answers": one.answers,
        "skips": one.skips,
        "gold": _share(one.gold),
        "self_consistency": _share(one.self_consistency),
        "agreement": _share(one.agreement),
        "first": one.first,
        "second": one.second,
        "equal": one.equal,
        "share_first": position and position.share,
        "share_first_interval": position and [position.low, position.high],
        "median_reading_ms": one.median_reading_ms,
        "fast_reading_ms": one.fast_reading_ms,
    }


def _share(share: "Share") -> dict[str, Any]:
    return {"good": share.good, "total": share.total, "share": share.share, "interval": share.interval}


COMMANDS = (gold, rules, quality, pause_annotator, resume, withdraw)
