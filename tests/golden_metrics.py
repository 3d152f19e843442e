"""What the golden study needs for every table and figure: scores, a hyperfitting run with its curve, measurements.

Probabilities are drawn, sharper for the later checkpoints; nothing here reads a model.
"""

import math
import random
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.analysis.measuring import measure_study
from app.domain.studies import reference_tokenizer
from app.models import Checkpoint, HyperfitPoint, HyperfitRun, HyperfitTexts, Passage, Study, System
from tests.factories import make_score
from tests.tiny_model import SENTENCES

PREDICTED, CONTEXT_PREDICTED = 63, 31
SAMPLES = (8, 64, 2000)


def add_metrics(session: Session, study: Study) -> None:
    """Scores of every checkpoint, training curves and measurements; committed."""
    checkpoints = list(
        session.scalars(
            select(Checkpoint)
            .join(System, System.checkpoint_id == Checkpoint.id)
            .where(System.study_id == study.id)
            .order_by(Checkpoint.id)
        )
    )
    _score(session, study, checkpoints)
    _hyperfit(session, checkpoints)
    session.commit()
    measure_study(session, study, lambda _: None)


def _score(session: Session, study: Study, checkpoints: Sequence[Checkpoint]) -> None:
    reference = reference_tokenizer(session, study)
    draw = random.Random(3)
    for number, passage in enumerate(session.scalars(select(Passage).where(Passage.study_id == study.id))):
        token_ids = reference.encode(" ".join(SENTENCES[(number + step) % len(SENTENCES)] for step in range(9))).ids
        for sharpness, checkpoint in enumerate(checkpoints, start=1):
            columns = _predictions(draw, token_ids[: PREDICTED + 1], sharpness)
            make_score(session, checkpoint, passage, tokenizer_sha256=reference.sha256, **columns)


def _predictions(draw: random.Random, token_ids: list[int], sharpness: int) -> dict[str, Any]:
    top = [sorted((draw.random() ** 3 for _ in range(5)), reverse=True) for _ in range(PREDICTED)]
    top = [[share / (sum(row) + 0.6 / sharpness) for share in row] for row in top]
    log_probs = [-draw.expovariate(0.4 * sharpness) for _ in range(PREDICTED)]
    return {
        "token_ids": token_ids,
        "log_probs": log_probs,
        "entropies": [draw.uniform(0.5, 6) / sharpness for _ in range(PREDICTED)],
        "top_ids": [[draw.randrange(5, 8), 1, 2, 3, 4] for _ in range(PREDICTED)],
        "top_probs": top,
        "context_predicted": CONTEXT_PREDICTED,
        "context_nll": -math.fsum(log_probs[:CONTEXT_PREDICTED]),
        "context_bytes": 4 * CONTEXT_PREDICTED,
        "nll": -math.fsum(log_probs),
        "predicted_bytes": 4 * PREDICTED,
        "entropy": draw.uniform(2, 4) / sharpness,
        **{f"top{k}_mass": math.fsum(share for row in top for share in row[:k]) / PREDICTED for k in (1, 3, 5)},
    }


def _hyperfit(session: Session, checkpoints: Sequence[Checkpoint]) -> None:
    """Each checkpoint as if it were trained on more samples; the last one's base is the first."""
    documents = [{"text": " ".join(SENTENCES), "source": "sentences"}]
    session.add(HyperfitTexts(sha256="5" * 64, name="sentences", documents=documents))
    session.flush()
    for samples, checkpoint in zip(SAMPLES, checkpoints, strict=True):
        is_last = checkpoint is checkpoints[-1]
        session.add(
            HyperfitRun(
                checkpoint_id=checkpoint.id,
                base_id=checkpoints[0].id if is_last else None,
                texts_sha256="5" * 64 if is_last else None,
                config={"samples": samples},
                total_updates=200,
            )
        )
        session.flush()
        session.add_all(_point(checkpoint.id, update) for update in range(0, 201, 20) if is_last)


def _point(checkpoint_id: int, update: int) -> HyperfitPoint:
    return HyperfitPoint(
        checkpoint_id=checkpoint_id,
        update=update,
        epoch=update / 10,
        train_loss=3.5 * math.exp(-update / 50) if update else None,
        validation_loss=3.2 + update / 150,
        entropy=3 * math.exp(-update / 150),
        ttr_first_96=0.25 + 0.4 * (1 - math.exp(-update / 60)),
        ttr_last_96=0.2 + 0.4 * (1 - math.exp(-update / 60)),
        texts=[],
    )
