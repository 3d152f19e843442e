"""An open study of small images with a completion of each, as generation leaves it."""

import numpy as np
from sqlalchemy.orm import Session

from app.domain.continuations import Written, record_continuation, release
from app.domain.images import Palette, text_of_tokens
from app.domain.reference_tokens import ReferenceTokenizer
from app.models import ReferenceTokens, Study
from app.models.study import Modality, Release, StudyState
from tests.factories import make_dataset, make_passage, make_system

# Eight colours, which differ enough to be seen.
COLOURS = Palette(bytes.fromhex("000000ffffffd0302030a04030409ff0c02090409060c0c0"), 8)
REFERENCE = ReferenceTokenizer(COLOURS.tokenizer_json())


def make_image_pool(session: Session, *, passages: int = 4, quota: int = 1, slug: str = "pictures") -> Study:
    """Passages of random colours and completions that repeat one row; every comparison is released."""
    session.add(ReferenceTokens(sha256=REFERENCE.sha256, name="colours", tokenizer_json=REFERENCE.tokenizer_json))
    session.flush()
    study = Study(
        slug=slug,
        title="Pictures",
        state=StudyState.OPEN,
        release=Release.AS_READY,
        quota=quota,
        modality=Modality.IMAGE,
        reference_tokens_sha256=REFERENCE.sha256,
    )
    session.add(study)
    session.flush()
    dataset, system = make_dataset(session, study), make_system(session, study, scenarios=[256])
    draw = np.random.default_rng(1)
    for _ in range(passages):
        cut = REFERENCE.cut(text_of_tokens(draw.integers(0, COLOURS.size, COLOURS.pixels).tolist()))
        columns = {"context": cut.context, "original": cut.original, "token_ids": cut.token_ids, "width": cut.width}
        passage = make_passage(session, dataset, **columns)
        tokens = draw.integers(0, COLOURS.size, 8).tolist() * 6
        record_continuation(
            session,
            Written(tokens, text_of_tokens(tokens), None, "test"),
            system=system,
            passage=passage,
            reference=REFERENCE,
            own_tokens_are_reference=True,
        )
    release(session, study)
    return study
