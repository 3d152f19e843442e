"""What a bundle holds: one file for each subject, from the database, and none that names a person."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from psycopg import sql
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.analysis.archive import results_values
from app.analysis.evidence import Evidence
from app.analysis.registry import findings
from app.bundle.datasheet import datasheet
from app.domain.copying import copied, json_lines
from app.domain.protocol import contrasts, locked_protocol, study_protocol
from app.export.query import COLUMNS, KIND_COLUMN, ExportFilter, rows
from app.models import ConsentForm, GuidelinesText, ReferenceTokens, Study

FORMAT = 1
MANIFEST = "manifest.json"
# The tables that a reader recomputes from the other files; the rest of tables.json is what models measured.
RECOMPUTED = ("table-1", "comparisons", "table-3", "table-4", "agreement", "robustness")

_PASSAGES = """
SELECT p.id, p.dataset_id, p.state, p.unjudged, p.source, p.context, p.original, p.width, p.token_ids
FROM passage p WHERE p.study_id = {study} AND p.state IN ('accepted', 'reserved') ORDER BY p.id
"""
_CONTINUATIONS = """
SELECT t.id, t.system_id, t.passage_id, t.text, t.token_ids, t.ttr_128, t.ttr_256, t.engine,
       coalesce((SELECT json_object_agg(q.scenario, q.comparison_id ORDER BY q.scenario)
                 FROM candidacy q WHERE q.continuation_id = t.id), '{{}}') AS comparisons
FROM continuation t WHERE t.study_id = {study} ORDER BY t.id
"""
_COMPARISONS = """
SELECT c.id, c.passage_id, c.scenario, c.kind, c.quota, c.answered, c.number IS NOT NULL AS released, c.withdrawn,
       c.candidate_text, c.reference_text
FROM comparison c WHERE c.study_id = {study} ORDER BY c.id
"""
# Numbered as their accounts were made, since a bootstrap draws in that order; nothing else is known of them here.
_ANNOTATORS = """
SELECT left(encode(sha256(s.secret || int8send(a.annotator_id)), 'hex'), 12) AS annotator,
       row_number() OVER (ORDER BY a.annotator_id) AS number,
       (SELECT e.first_language FROM english_check e WHERE e.annotator_id = a.annotator_id
        ORDER BY e.id DESC LIMIT 1) AS first_language,
       (SELECT e.method FROM english_check e WHERE e.annotator_id = a.annotator_id
        ORDER BY e.id DESC LIMIT 1) AS english_verified_by
FROM (SELECT DISTINCT annotator_id FROM assignment WHERE study_id = {study}) AS a CROSS JOIN study s
WHERE s.id = {study} ORDER BY a.annotator_id
"""
_SCORES = """
SELECT c.name AS checkpoint, d.name AS dataset, r.passage_id, r.context_nll, r.context_predicted, r.context_bytes,
       r.nll, r.predicted, r.entropy, r.top1_mass, r.top3_mass, r.top5_mass, r.beginning, r.tokenizer_sha256,
       r.precision
FROM score r JOIN passage p ON p.id = r.passage_id JOIN checkpoint c ON c.id = r.checkpoint_id
JOIN dataset d ON d.id = p.dataset_id
WHERE r.study_id = {study} AND p.state = 'accepted' AND NOT p.unjudged ORDER BY c.id, d.id, r.passage_id
"""
_LINES = {
    "passages.jsonl": _PASSAGES,
    "continuations.jsonl": _CONTINUATIONS,
    "comparisons.jsonl": _COMPARISONS,
    "annotators.jsonl": _ANNOTATORS,
    "scores.jsonl": _SCORES,
}


def study_files(session: Session, study: Study, *, recruitment: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and pieces of each file but the manifest; each is to be read before the next is asked for."""
    for name, query in _LINES.items():
        statement = json_lines(sql.SQL(query).format(study=sql.Literal(study.id)))
        yield name, (piece for piece, _ in copied(session, statement))
    annotations = rows(study, ExportFilter(), columns=(*COLUMNS, KIND_COLUMN), guarded=False)
    yield "annotations.jsonl", (piece for piece, _ in copied(session, json_lines(annotations)))
    evidence = Evidence(session, study)
    found = findings(evidence)
    yield "tables.json", _json(results_values(found))
    yield "study.json", _json(study_values(session, evidence))
    yield "protocol.json", _json(_protocol(session, study))
    yield from _texts(session, study)
    yield "datasheet.md", iter([datasheet(session, evidence, found, recruitment=recruitment).encode()])


def study_values(session: Session, evidence: Evidence) -> dict[str, Any]:
    """What is known of the study itself."""
    study = evidence.study
    return {
        "slug": study.slug,
        "title": study.title,
        "modality": str(study.modality),
        "state": str(study.state),
        "seed": study.seed,
        "quota": study.quota,
        "hourly_rate": study.hourly_rate,
        "currency": study.currency,
        "pause_seconds": study.pause_seconds,
        "reference_tokens": evidence.tokenizer,
        "reference_tokens_sha256": study.reference_tokens_sha256,
        "datasets": [asdict(dataset) for dataset in evidence.datasets],
        "systems": [system._asdict() for system in evidence.systems],
        "contrasts": [list(pair) for pair in contrasts(session, study)],
        "opened_at": study.opened_at and study.opened_at.isoformat(),
        "closed_at": study.closed_at and study.closed_at.isoformat(),
    }


def manifest(found: dict[str, dict[str, Any]], study: Study, made_at: str) -> dict[str, Any]:
    """What a reader checks everything else by."""
    return {"format": FORMAT, "study": study.slug, "made_at": made_at, "recomputed": list(RECOMPUTED), "files": found}


def _protocol(session: Session, study: Study) -> dict[str, Any]:
    """The locked protocol where there is one, and what holds now."""
    locked = locked_protocol(session, study)
    return {
        "locked": locked and {"sha256": locked.sha256, "at": locked.locked_at.isoformat(), "content": locked.content},
        "now": study_protocol(session, study),
    }


def _texts(session: Session, study: Study) -> Iterator[tuple[str, Iterator[bytes]]]:
    kept = select(ReferenceTokens.tokenizer_json).where(ReferenceTokens.sha256 == study.reference_tokens_sha256)
    yield "tokenizer.json", iter([session.scalars(kept).one()])
    for text in session.scalars(select(GuidelinesText).where(GuidelinesText.study_id == study.id)):
        yield f"guidelines/{text.version}.md", iter([text.text.encode()])
    for form in session.scalars(select(ConsentForm).where(ConsentForm.study_id == study.id)):
        parts = ("purpose", "publication", "content_warning", "pay", "contact", "review_board", "withdrawal")
        yield f"consent/{form.version}.json", _json({part: getattr(form, part) for part in parts})


def _json(values: object) -> Iterator[bytes]:
    yield (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()
