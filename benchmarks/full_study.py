"""A closed study that has everything: every comparison judged, every checkpoint scored, measured and hyperfitted."""

from collections.abc import Iterator

from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from app.analysis.measuring import outdated
from app.models import Checkpoint, Continuation, Dataset, Measurement, Person, Study, System
from app.models.person import Role
from app.models.study import StudyState
from app.models.system import Strategy
from benchmarks.judged import ASSIGNMENTS, CANDIDACIES
from tests.tiny_model import tiny_tokenizer_json

SLUG = "big"
SYSTEMS, CONTEXTS, ANNOTATORS, QUOTA = 20, 300, 40, 3
DATASETS = ("wikipedia", "fiction", "news")

_TOKENIZER = "INSERT INTO reference_tokens VALUES (repeat('0', 64), 'tiny', :tokenizer)"
_PASSAGES = """
INSERT INTO passage (study_id, dataset_id, content_hash, token_ids, context, original, state, unjudged)
SELECT :study, (SELECT id FROM dataset WHERE study_id = :study ORDER BY id OFFSET n % 3 LIMIT 1),
       md5(n::text) || md5((-n)::text),
       (SELECT array_agg((random() * 5000)::int + 0 * i) FROM generate_series(1, 256) i),
       'A context ' || n, ' an original ' || n, 'accepted', false
FROM generate_series(1, :contexts) n
"""
_CONTINUATIONS = """
INSERT INTO continuation (study_id, system_id, passage_id, token_ids, text, ttr_128, ttr_256, engine)
SELECT :study, s.id, p.id, (SELECT array_agg((random() * 500)::int + 0 * i) FROM generate_series(1, 224) i),
       ' a continuation ' || s.id || '/' || p.id, random(), random(), 'made'
FROM system s, passage p WHERE s.study_id = :study AND p.study_id = :study
"""
_COMPARISONS = """
INSERT INTO comparison (study_id, passage_id, scenario, kind, number, quota, taken, answered, withdrawn,
                        candidate_text, reference_text, texts_hash)
SELECT :study, t.passage_id, scenario, 'study', row_number() OVER (ORDER BY t.id, scenario), :quota, :quota, :quota,
       false, t.text, 'original', md5(t.id::text) || md5(t.id::text)
FROM continuation t, unnest(ARRAY[128, 256]) scenario WHERE t.study_id = :study
"""
_ANNOTATIONS = """
INSERT INTO annotation (study_id, assignment_id, comparison_id, annotator_id, slot, candidate_first, verdict_shown,
                        verdict, status, guidelines_version, duration_ms)
SELECT a.study_id, a.id, a.comparison_id, a.annotator_id, a.slot, a.candidate_first,
       CASE v.verdict WHEN 'equal' THEN 'equal'
                      ELSE CASE WHEN (v.verdict = 'candidate') = a.candidate_first THEN 'first' ELSE 'second' END END,
       v.verdict, 'counted', 1, 20000
FROM assignment a, LATERAL (
    SELECT (ARRAY['candidate', 'equal', 'reference', 'reference'])[1 + (hashint8(a.id) & 3)] AS verdict) v
WHERE a.study_id = :study
"""
# 256 tokens read, 255 of them predicted, the first 31 of the context.
_SCORES = """
INSERT INTO score (study_id, passage_id, checkpoint_id, tokenizer_sha256, precision, beginning, token_ids,
                   context_predicted, context_nll, context_bytes, predicted, nll, predicted_bytes,
                   entropy, top1_mass, top3_mass, top5_mass, log_probs, entropies, top_ids, top_probs)
SELECT :study, p.id, k.id, repeat('0', 64), 'float32 on cpu', 0, array_fill(40, ARRAY[256]),
       31, 60 + random(), 120, 255, 500 + random(), 1000, 2 + random(), 0.5, 0.7, 0.8,
       array_fill(-1.5::real, ARRAY[255]), array_fill(2.0::real, ARRAY[255]),
       array_fill((random() * 300)::int, ARRAY[255, 5]), array_fill(0.16::real, ARRAY[255, 5])
FROM passage p, checkpoint k WHERE p.study_id = :study
"""
_RUNS = """
INSERT INTO hyperfit_run (checkpoint_id, config, updates, total_updates)
SELECT id, jsonb_build_object('samples', 100 * id), 200, 200 FROM checkpoint
"""
_POINTS = """
INSERT INTO hyperfit_point (checkpoint_id, update, epoch, train_loss, validation_loss, entropy, ttr_first_96,
                            ttr_last_96, texts)
SELECT id, 10 * n, n, 3.0 / (1 + n), 3 + 0.1 * n, 2.0, 0.5, 0.4, '[]' FROM checkpoint, generate_series(0, 20) n
"""
_STATEMENTS = (
    _PASSAGES, _CONTINUATIONS, _COMPARISONS, CANDIDACIES, ASSIGNMENTS, _ANNOTATIONS, _SCORES, _RUNS, _POINTS
)  # fmt: skip


def make_full_study(engine: Engine) -> tuple[int, int]:
    """The study's id and a researcher's."""
    with Session(engine) as session, session.begin():
        session.execute(text(_TOKENIZER), {"tokenizer": tiny_tokenizer_json()})
        study = Study(slug=SLUG, title="Big", state=StudyState.CLOSED, reference_tokens_sha256="0" * 64)
        study.comparisons = SYSTEMS * CONTEXTS * 2
        checkpoints = [Checkpoint(name=f"made {n}", source="/nowhere") for n in range(SYSTEMS)]
        people = [Person(email=f"a{n}@bench.example", role=Role.ANNOTATOR) for n in range(ANNOTATORS)]
        researcher = Person(email="r@bench.example", role=Role.RESEARCHER)
        session.add_all([study, *checkpoints, *people, researcher])
        session.flush()
        session.add_all(Dataset(study_id=study.id, name=name) for name in DATASETS)
        session.add_all(
            System(study_id=study.id, name=f"system {n}", checkpoint_id=one.id, strategy=Strategy.GREEDY)
            for n, one in enumerate(checkpoints)
        )
        session.flush()
        values = {"study": study.id, "contexts": CONTEXTS, "quota": QUOTA}
        values |= {"annotators": ANNOTATORS, "first": min(person.id for person in people)}
        for statement in _STATEMENTS:
            session.execute(text(statement), values)
        session.add_all(_measurements(session, study))
        ids = (study.id, researcher.id)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return ids


def _measurements(session: Session, study: Study) -> Iterator[Measurement]:
    """As the measuring job would have left them for texts that recite up to 40 tokens."""
    written = select(Continuation.system_id, func.array_agg(Continuation.id)).group_by(Continuation.system_id)
    by_system = {system: ids for system, ids in session.execute(written)}  # noqa: C416 a row is no pair to mypy
    for inputs in outdated(session, study):
        longest = [(7 * number) % 41 for number in range(CONTEXTS)]
        found = {
            "texts": CONTEXTS,
            "samples": 2_000,
            "training_sha256": None,
            "self_bleu_mean": 0.3,
            "self_bleu_max": 0.9,
            "dataset_bleu_mean": 0.1,
            "dataset_bleu_max": 0.4,
            "overlap_mean": 20.0,
            "overlap_max": 40,
            "overlap_longest": longest,
            "overlap_share": dict.fromkeys(DATASETS, 0.8),
            "overlap_texts": dict.fromkeys(DATASETS, CONTEXTS // 3),
            "overlaps": {
                str(one): {"tokens": tokens} for one, tokens in zip(by_system[inputs.system_id], longest, strict=True)
            },
        }
        yield Measurement(system_id=inputs.system_id, study_id=study.id, inputs=inputs.sha256, found=found)
