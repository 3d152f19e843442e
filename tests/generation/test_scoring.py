"""A checkpoint reads every judged passage once, and what it predicted is kept with what made it."""

import math
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from tokenizers import Tokenizer, processors

from app.domain.scores import predictions, score_summaries
from app.domain.scoring_queue import scoring_lock
from app.models import Checkpoint, Passage, ReferenceTokens, Score, Scoring, Study, System
from app.models.checkpoint import CheckpointState
from app.models.passage import PassageState
from app.models.system import GenerationState
from generation.generate import Outcome, session_holding
from generation.loaded import Loaded
from generation.own_tokens import OwnTokens
from generation.predictor import Predictor
from generation.scoring import ScoringOrder, ScoringProgress, score, score_passages
from tests.generation.pool import REFERENCE, commit_system
from tests.tiny_model import END, sample_text, save_tiny_model


def run(engine: Engine, system: System, *, batch: int = 2) -> tuple[Outcome, list[ScoringProgress]]:
    reports: list[ScoringProgress] = []
    url = engine.url.render_as_string(hide_password=False)
    outcome = score(ScoringOrder(url, system.study_id, system.checkpoint_id, batch), reports.append, Loaded())
    return outcome, reports


def scoring_of(engine: Engine, system: System) -> Scoring:
    with Session(engine) as session:
        return session.get_one(Scoring, (system.study_id, system.checkpoint_id))


def test_every_judged_passage_is_read_once(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=5)
    with Session(engine) as session:
        passages = session.scalars(select(Passage).order_by(Passage.id)).all()
        passages[0].unjudged, passages[1].state = True, PassageState.REJECTED
        session.commit()
        judged = [passage.id for passage in passages[2:]]

    outcome, reports = run(engine, system)
    again, none = run(engine, system)

    assert (outcome, again, none) == (Outcome.DONE, Outcome.DONE, [])
    assert [(report.scored, report.total) for report in reports] == [(2, 3), (3, 3)]
    assert "2 of 3 passages scored" in str(reports[0])
    with Session(engine) as session:
        assert list(session.scalars(select(Score.passage_id).order_by(Score.passage_id))) == judged
    assert scoring_of(engine, system).state is GenerationState.DONE


def test_what_is_kept_equals_a_plain_computation(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=1)
    run(engine, system)

    with Session(engine) as session:
        kept, passage = session.scalars(select(Score)).one(), session.scalars(select(Passage)).one()
        text = passage.context + passage.original
        ids = REFERENCE.encode(text).ids
        (plain,) = Predictor(tiny_checkpoint).predict([ids])
        context = len(REFERENCE.encode(passage.context).ids)
        assert (kept.token_ids, kept.beginning, kept.predicted) == (ids, 0, len(ids) - 1)
        assert kept.nll == pytest.approx(-plain.log_probs.sum(dtype=float))
        # the context's first token has nothing before it
        assert kept.context_predicted == context - 1
        assert kept.context_nll == pytest.approx(-plain.log_probs[: context - 1].sum(dtype=float))
        assert kept.context_bytes == len(passage.context.encode()) - len(REFERENCE.decode(ids[:1]).encode())
        assert kept.predicted_bytes == len(text.encode()) - len(REFERENCE.decode(ids[:1]).encode())
        assert kept.entropy == pytest.approx(plain.entropies.mean())
        masses = [plain.top_probs[:, :most].sum(axis=1).mean() for most in (1, 3, 5)]
        assert [kept.top1_mass, kept.top3_mass, kept.top5_mass] == pytest.approx(masses)
        assert kept.top_ids == plain.top_ids.tolist()
        np.testing.assert_allclose(kept.entropies, plain.entropies, rtol=1e-6)
        assert kept.precision == "float32 on cpu"


def test_its_numbers_and_texts_can_be_read(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=3)
    run(engine, system)

    with Session(engine) as session:
        summary = score_summaries(session, session.get_one(Study, system.study_id))[-1]
        scores = session.scalars(select(Score)).all()
        passage = session.scalars(select(Passage).order_by(Passage.id)).first()
        assert passage is not None
        texts = predictions(session, checkpoint_id=system.checkpoint_id, passage_id=passage.id, last=10)
    nll, tokens = sum(one.context_nll for one in scores), sum(one.context_predicted for one in scores)
    assert summary.perplexity == pytest.approx(math.exp(nll / tokens))
    assert summary.passages == 3
    assert (passage.context + passage.original).find("".join(one.text for one in texts)) > 0
    assert all(one.alternatives[0].probability >= one.probability - 1e-6 for one in texts)


def with_beginning(checkpoint: Path, folder: Path) -> Path:
    """The tiny checkpoint, but its tokenizer puts a special token before a text and another behind it."""
    save_tiny_model(folder)
    tokenizer = Tokenizer.from_str((checkpoint / "tokenizer.json").read_text())
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{END} $A {END}", special_tokens=[(END, tokenizer.token_to_id(END))]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_a_beginning_of_sequence_token_predicts_the_first_token(
    engine: Engine, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    system = commit_system(engine, with_beginning(tiny_checkpoint, tmp_path / "bos"), passages=1)

    assert run(engine, system)[0] is Outcome.DONE

    with Session(engine) as session:
        kept, passage = session.scalars(select(Score)).one(), session.scalars(select(Passage)).one()
        text = passage.context + passage.original
        ids = REFERENCE.encode(text).ids
        assert (kept.beginning, kept.token_ids) == (1, [0, *ids])
        assert (kept.predicted, kept.predicted_bytes) == (len(ids), len(text.encode()))
        assert kept.context_bytes == len(passage.context.encode())
        # kept beside the study's own, so that its tokens can be read
        assert kept.tokenizer_sha256 != REFERENCE.sha256
        assert session.get(ReferenceTokens, kept.tokenizer_sha256) is not None
        first = predictions(session, checkpoint_id=system.checkpoint_id, passage_id=passage.id, last=1)[0]
        assert text.startswith(first.text)


def test_a_context_whose_tokens_do_not_begin_the_passage_is_read_by_itself(tiny_checkpoint: Path) -> None:
    # " w" is one token, so that the passage has it where the context ends in a lone space
    text = sample_text(1)
    at = text.index(" w") + 1
    passage = Passage(id=1, study_id=1, context=text[:at], original=text[at:])
    own_tokens, predictor = OwnTokens(tiny_checkpoint), Predictor(tiny_checkpoint)
    context_ids = own_tokens.read(passage.context).token_ids
    assert own_tokens.read(text).token_ids[: len(context_ids)] != context_ids

    (columns,) = score_passages([passage], own_tokens, predictor)

    (alone,) = predictor.predict([context_ids])
    assert columns["context_predicted"] == len(context_ids) - 1
    assert columns["context_nll"] == pytest.approx(-alone.log_probs.sum(dtype=float), rel=1e-5)


def test_only_one_process_scores_by_a_checkpoint(engine: Engine, tiny_checkpoint: Path) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=1)
    url = engine.url.render_as_string(hide_password=False)

    with session_holding(url, scoring_lock(system.study_id, system.checkpoint_id)):
        assert run(engine, system) == (Outcome.BUSY, [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": "/nowhere/at/all"}, "There is no folder /nowhere/at/all on the machine of this worker."),
        ({"state": CheckpointState.VALIDATING}, "is validating; only a ready one scores"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_a_reason(
    engine: Engine, tiny_checkpoint: Path, change: dict[str, object], reason: str
) -> None:
    system = commit_system(engine, tiny_checkpoint, passages=1)
    with Session(engine) as session:
        checkpoint = session.get_one(Checkpoint, system.checkpoint_id)
        for column, value in change.items():
            setattr(checkpoint, column, value)
        session.commit()

    assert run(engine, system)[0] is Outcome.FAILED

    after = scoring_of(engine, system)
    assert after.state is GenerationState.FAILED
    assert reason in str(after.reason)


def test_a_tokenizer_of_another_model_is_a_reason(engine: Engine, tiny_checkpoint: Path, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "mixed")
    tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text())
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(
        config.replace(f'"vocab_size": {tokenizer.get_vocab_size()}', '"vocab_size": 99')
    )

    system = commit_system(engine, folder, passages=1)

    assert run(engine, system)[0] is Outcome.FAILED
    assert "they do not belong together" in str(scoring_of(engine, system).reason)


def test_a_study_or_checkpoint_that_is_gone_needs_nothing(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    assert score(ScoringOrder(url, 12345, 12345), print, Loaded()) is Outcome.DONE
