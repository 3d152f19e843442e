"""The datasheet of a bundle, in Markdown: who annotated what, how they were found, checked, paid and instructed."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.analysis.evidence import Evidence
from app.analysis.registry import Findings
from app.domain.money import rounded, written
from app.domain.protocol import departures, locked_protocol, study_protocol
from app.models import Study
from app.models.study import Modality

TEXTS = (
    "Blind comparisons of continuations that language models wrote with the texts that people wrote, after the same "
    "context. An annotator says which continuation they prefer, or that both are equally good."
)
IMAGES = (
    "Blind comparisons of completions of images by models with the images as they were, after the same first quarter "
    "of the pixels. An annotator says which they prefer, or that both are equally good. An image is written as a text "
    "of a character for each pixel, row by row: U+E000 is the first colour of the palette that the special token in "
    "tokenizer.json names, U+E001 the second, and so on, three bytes (red, green, blue) each."
)
NOT_SAID = "Not said when this bundle was made."

# From everybody who has an account down to those whose answers count.
_FLOW = text("""
SELECT (SELECT count(*) FROM person WHERE role = 'annotator') AS invited,
       (SELECT count(DISTINCT annotator_id) FROM consent WHERE study_id = :study) AS consented,
       (SELECT count(DISTINCT annotator_id) FROM guidelines_reading WHERE study_id = :study) AS read_guidelines,
       (SELECT count(DISTINCT annotator_id) FROM qualification WHERE study_id = :study) AS tried_qualification,
       (SELECT count(DISTINCT annotator_id) FROM qualification WHERE study_id = :study AND passed) AS qualified,
       (SELECT count(DISTINCT annotator_id) FROM assignment WHERE study_id = :study) AS given,
       (SELECT count(DISTINCT annotator_id) FROM annotation WHERE study_id = :study) AS judged,
       (SELECT count(DISTINCT annotator_id) FROM annotation WHERE study_id = :study AND status = 'counted') AS counted,
       (SELECT count(DISTINCT annotator_id) FROM review WHERE study_id = :study AND decision = 'paused') AS paused,
       (SELECT count(DISTINCT annotator_id) FROM review WHERE study_id = :study AND decision = 'withdrawn') AS withdrawn
""")
_STATUSES = text("""
SELECT status AS what, count(*) AS n FROM annotation WHERE study_id = :study GROUP BY status
UNION ALL SELECT state, count(*) FROM assignment
WHERE study_id = :study AND state IN ('skipped', 'expired') GROUP BY state
ORDER BY n DESC
""")
_ENGLISH = text("""
SELECT coalesce(e.first_language, 'not recorded') AS first_language, coalesce(e.method, 'not recorded') AS method,
       count(*) AS n
FROM (SELECT DISTINCT annotator_id FROM assignment WHERE study_id = :study) AS a
LEFT JOIN LATERAL (SELECT first_language, method FROM english_check
                   WHERE annotator_id = a.annotator_id ORDER BY id DESC LIMIT 1) AS e ON true
GROUP BY 1, 2 ORDER BY n DESC, 1, 2
""")
_LOAD = text("""
SELECT count(*) AS people, min(n) AS fewest, percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS median, max(n) AS most,
       sum(ms) AS ms, percentile_cont(0.5) WITHIN GROUP (ORDER BY typical) AS typical_ms
FROM (SELECT n.annotator_id, count(*) AS n, sum(least(n.duration_ms, s.pause_seconds * 1000)) AS ms,
             percentile_cont(0.5) WITHIN GROUP (ORDER BY n.duration_ms) AS typical
      FROM annotation n JOIN study s ON s.id = n.study_id WHERE n.study_id = :study
      GROUP BY n.annotator_id) AS people
""")


def datasheet(session: Session, evidence: Evidence, found: Findings, *, recruitment: str) -> str:
    """All of it."""
    study = evidence.study
    values = {"study": study.id}
    flow, load = session.execute(_FLOW, values).one(), session.execute(_LOAD, values).one()
    parts = [
        f"# Datasheet: {study.title}",
        *found.provenance.lines,
        "## What it is\n",
        IMAGES if study.modality is Modality.IMAGE else TEXTS,
        _composition(evidence, session.execute(_STATUSES, values).all()),
        "## Annotators\n",
        _flow(flow),
        f"### Recruitment\n\n{recruitment.strip() or NOT_SAID} Nobody can sign up: each is invited by a link.",
        _english(session.execute(_ENGLISH, values).all()),
        _pay(study, load),
        _load(load),
        f"## Instructions (version {study.guidelines_version})\n\n{_quoted(study.guidelines)}",
        _protocol(session, study),
        _checks(found),
        "## Privacy\n\nAn annotator is known by a pseudonym that this study alone uses. No name or address is here.",
    ]
    return "\n\n".join(parts) + "\n"


def _composition(evidence: Evidence, statuses: Iterable[Row[Any]]) -> str:
    datasets = [(one.name, one.passages) for one in evidence.datasets]
    systems = [
        (one.name, one.checkpoint, one.strategy, "yes" if one.block_citations else "no") for one in evidence.systems
    ]
    return "\n\n".join(
        [
            "## Composition",
            _table(("Dataset", "Accepted passages"), datasets),
            _table(("System", "Checkpoint", "Decoding", "Citations blocked"), systems),
            f"Every passage was accepted by a person. {_shown(evidence)}",
            _table(("What became of a comparison that was given", "Number"), [(row.what, row.n) for row in statuses]),
        ]
    )


def _shown(evidence: Evidence) -> str:
    if evidence.study.modality is Modality.IMAGE:
        return "Comparisons show both completions whole, in random order, under the rows that were given."
    return f"Comparisons show the first {_and(evidence.scenarios)} tokens, context included, in random order."


def _flow(flow: Row[Any]) -> str:
    steps = [
        ("annotators with an account, in any study", flow.invited),
        ("consented to this study", flow.consented),
        ("read its guidelines", flow.read_guidelines),
        ("tried its qualification", flow.tried_qualification),
        ("passed it", flow.qualified),
        ("were given a comparison", flow.given),
        ("judged", flow.judged),
        ("have annotations that count", flow.counted),
        ("were paused for review at some time", flow.paused),
        ("withdrew or were withdrawn", flow.withdrawn),
    ]
    note = "A step that the study does not ask for has 0."
    return f"### From invited to counted\n\n{_table(('Step', 'People'), steps)}\n\n{note}"


def _english(rows: Iterable[Row[Any]]) -> str:
    counted = [(row.first_language, row.method, row.n) for row in rows]
    table = _table(("First language", "Verified by", "People"), counted)
    return f"### Language verification\n\n{table}"


def _pay(study: Study, load: Row[Any]) -> str:
    hours = timedelta(milliseconds=float(load.ms or 0)) / timedelta(hours=1)
    rate = written(study.hourly_rate, study.currency, thousands="")
    paid = written(rounded(hours * study.hourly_rate, study.currency), study.currency, thousands="")
    return (
        f"### Pay\n\n{rate} {study.currency} an hour of visible time; a pause longer than "
        f"{study.pause_seconds} s does not count. Judging took {hours:.1f} hours, paid with "
        f"{paid} {study.currency}; reading, practice and skips are paid besides."
    )


def _load(load: Row[Any]) -> str:
    if not load.people:
        return "### Load\n\nNobody has judged anything yet."
    return (
        f"### Load\n\n{load.people} people judged {load.fewest} to {load.most} comparisons each, half of them at most "
        f"{load.median:g}. Half of the people took at most {load.typical_ms / 1000:.1f} s for half of theirs."
    )


def _protocol(session: Session, study: Study) -> str:
    locked = locked_protocol(session, study)
    if locked is None:
        return "## Protocol\n\nNot locked: the study was never opened."
    changed = departures(locked, study_protocol(session, study))
    contrasts = [f"{one} against {other}" for one, other in locked.content.get("contrasts", [])]
    lines = [
        f"## Protocol\n\nLocked {locked.locked_at:%Y-%m-%d %H:%M} UTC, before the first annotation; SHA-256 "
        f"`{locked.sha256}` (protocol.json).",
        f"Quota: {locked.content['quota']} annotations a comparison. Contrasts: {_and(contrasts) or 'none named'}.",
        f"Changed since: {', '.join(changed)}." if changed else "Nothing was changed since.",
    ]
    return "\n\n".join(lines)


def _checks(found: Findings) -> str:
    marks = {True: "holds", False: "fails", None: "cannot be told"}
    return "## Checks\n\n" + "\n".join(
        f"- {check.name}: {marks[check.passed]}. {check.found}" for check in found.checks
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(cell: object) -> str:
    return " ".join(str(cell).split()).replace("|", "\\|")


def _quoted(markdown: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in markdown.strip().splitlines())


def _and(words: Iterable[object]) -> str:
    *first, last = [str(word) for word in words] or [""]
    return f"{', '.join(first)} and {last}" if first else last
