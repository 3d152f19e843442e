"""A study whose every comparison is judged, of any size, made by SQL in seconds or minutes."""

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.models import Checkpoint, Dataset, Person, Study, System
from app.models.person import Role
from app.models.study import StudyState
from app.models.system import Strategy

QUOTA, ANNOTATORS, SYSTEMS, SCENARIOS = 5, 40, 10, 2
# About as long as 224 tokens of English.
_TEXT = "repeat(md5((%s)::text) || ' goes on and on, ', 20)"

_PASSAGES = f"""
INSERT INTO passage (study_id, dataset_id, content_hash, token_ids, context, original, state, unjudged)
SELECT :study, (SELECT min(id) + n % 3 FROM dataset WHERE study_id = :study), md5(n::text) || md5(:study || '/' || n),
       array_fill(n::int, ARRAY[256]), repeat('context ', 16) || n, {_TEXT % "n"}, 'accepted', false
FROM generate_series(1, :passages) n
"""
_CONTINUATIONS = f"""
INSERT INTO continuation (study_id, system_id, passage_id, token_ids, text, ttr_128, ttr_256, engine)
SELECT :study, s.id, p.id, array_fill(1, ARRAY[224]), {_TEXT % "s.id * 7 + p.id"}, 0.5, 0.25, 'made'
FROM system s, passage p WHERE s.study_id = :study AND p.study_id = :study
"""
_COMPARISONS = """
INSERT INTO comparison (study_id, passage_id, scenario, kind, number, quota, taken, answered, withdrawn,
                        candidate_text, reference_text, texts_hash)
SELECT :study, t.passage_id, scenario, 'study', row_number() OVER (ORDER BY t.id, scenario), :quota, :quota, :quota,
       false, t.text, p.original, md5(t.id::text) || md5(t.id::text)
FROM continuation t JOIN passage p ON p.id = t.passage_id, unnest(ARRAY[128, 256]) scenario WHERE t.study_id = :study
"""
CANDIDACIES = """
INSERT INTO candidacy (continuation_id, scenario, comparison_id)
SELECT t.id, c.scenario, c.id FROM continuation t
JOIN comparison c ON c.passage_id = t.passage_id AND c.texts_hash = md5(t.id::text) || md5(t.id::text)
WHERE t.study_id = :study
"""
# Annotators are taken by turns, so that nobody judges a comparison twice.
ASSIGNMENTS = """
INSERT INTO assignment (claim, study_id, annotator_id, comparison_id, passage_id, kind, occasion, ordinal, quota, slot,
                        candidate_first, passage_exposure, state, claimed_at, shown_at, lease_expires_at, ended_at)
SELECT gen_random_uuid(), :study, :first + (c.id + 7 * slot) % :annotators, c.id, c.passage_id, 'study', 0,
       row_number() OVER (PARTITION BY (c.id + 7 * slot) % :annotators ORDER BY c.id), :quota, slot,
       random() < 0.5, 1, 'answered', now(), now(), now(), now()
FROM comparison c, generate_series(1, :quota) slot WHERE c.study_id = :study
"""
_ANNOTATIONS = """
INSERT INTO annotation (study_id, assignment_id, comparison_id, annotator_id, slot, candidate_first, verdict_shown,
                        verdict, status, guidelines_version, duration_ms)
SELECT a.study_id, a.id, a.comparison_id, a.annotator_id, a.slot, a.candidate_first, 'equal', 'equal', 'counted', 1,
       20000
FROM assignment a WHERE a.study_id = :study
"""


def make_judged_study(engine: Engine, *, annotations: int, slug: str) -> int:
    """A closed study with so many annotations, a multiple of 100; returns its id."""
    values = {"passages": annotations // (QUOTA * SYSTEMS * SCENARIOS), "quota": QUOTA, "annotators": ANNOTATORS}
    with Session(engine) as session, session.begin():
        session.execute(
            text("INSERT INTO reference_tokens VALUES (repeat('0', 64), 'none', '') ON CONFLICT DO NOTHING")
        )
        study = Study(slug=slug, title=slug, state=StudyState.CLOSED, reference_tokens_sha256="0" * 64)
        study.comparisons = annotations // QUOTA
        checkpoint = Checkpoint(name=f"made for {slug}", source="/nowhere")
        people = [Person(email=f"{slug}-{n}@bench.example", role=Role.ANNOTATOR) for n in range(ANNOTATORS)]
        session.add_all([study, checkpoint, *people])
        session.flush()
        session.add_all(Dataset(study_id=study.id, name=name) for name in ("wikipedia", "fiction", "news"))
        session.add_all(
            System(study_id=study.id, name=f"system {n}", checkpoint_id=checkpoint.id, strategy=Strategy.GREEDY)
            for n in range(SYSTEMS)
        )
        session.flush()
        values |= {"study": study.id, "first": min(person.id for person in people)}
        for statement in (_PASSAGES, _CONTINUATIONS, _COMPARISONS, CANDIDACIES, ASSIGNMENTS, _ANNOTATIONS):
            session.execute(text(statement), values)
        made = study.id
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return made
