"""A study of any size, made by SQL in seconds."""

from dataclasses import dataclass, replace

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.auth.sessions import start_session
from app.models import Person, Study
from app.models.person import Role
from app.models.study import StudyState
from app.settings import Settings

# About as long as 224 tokens of English.
_TEXT = "repeat(md5((%s)::text) || ' goes on and on, ', 20)"

_PASSAGES = f"""
INSERT INTO passage (study_id, dataset_id, content_hash, token_ids, context, original, state, unjudged)
SELECT :study, :dataset, md5(n::text) || md5((-n)::text), array_fill(n::int, ARRAY[256]),
       repeat('context ', 16) || n, {_TEXT % "n"}, 'accepted', false
FROM generate_series(1, :passages) n
"""

_COMPARISONS = f"""
INSERT INTO comparison (study_id, passage_id, scenario, kind, number, quota, taken, answered, withdrawn,
                        candidate_text, reference_text, texts_hash)
SELECT :study, p.id, scenario, 'study', row_number() OVER (ORDER BY random()), 3, 0, 0, false,
       {_TEXT % "p.id * 7 + system"}, p.original, md5(p.id || '/' || system)
FROM passage p, unnest(ARRAY[128, 256]) scenario, generate_series(1, 2) system
WHERE p.study_id = :study
"""


@dataclass(frozen=True)
class Pool:
    """An open study and the login tokens of its annotators."""

    slug: str
    study_id: int
    comparisons: int
    annotator_ids: list[int]
    tokens: list[str]

    def third(self, nth: int) -> "Pool":
        """The same study with every third annotator, so that three measurements share it and nobody's answers meet."""
        return replace(self, annotator_ids=self.annotator_ids[nth::3], tokens=self.tokens[nth::3])


def make_pool(engine: Engine, settings: Settings, *, comparisons: int, annotators: int) -> Pool:
    """A fresh open study: 2 systems x 2 scenarios on each passage, everything released."""
    with Session(engine) as session, session.begin():
        session.execute(
            text("INSERT INTO reference_tokens VALUES (repeat('0', 64), 'none', '') ON CONFLICT DO NOTHING")
        )
        slug = f"pool-{comparisons}-{session.execute(text('SELECT count(*) FROM study')).scalar_one()}"
        study = Study(slug=slug, title=slug, state=StudyState.OPEN, reference_tokens_sha256="0" * 64)
        study.comparisons = comparisons
        session.add(study)
        session.flush()
        adding = text("INSERT INTO dataset (study_id, name) VALUES (:study, 'made') RETURNING id")
        dataset = session.execute(adding, {"study": study.id}).scalar_one()
        passages = {"study": study.id, "dataset": dataset, "passages": comparisons // 4}
        session.execute(text(_PASSAGES), passages)
        session.execute(text(_COMPARISONS), {"study": study.id})
        people = [Person(email=f"{slug}-{nth}@bench.example", role=Role.ANNOTATOR) for nth in range(annotators)]
        session.add_all(people)
        session.flush()
        tokens = [start_session(session, person, lifetime=settings.session_lifetime) for person in people]
        pool = Pool(slug, study.id, comparisons, [person.id for person in people], tokens)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return pool
