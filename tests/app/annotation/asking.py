"""Studies that ask for something before the first comparison, for tests of annotators' pages."""

from sqlalchemy.orm import Session

from app.domain.taking_part import AnnotatorRules, ConsentParts, change_consent, change_guidelines, set_rules
from app.domain.training import QualificationPlan, set_qualification
from app.models import Study
from app.models.study import StudyState
from tests.factories import make_dataset, make_passage, make_pool

PARTS = ConsentParts(
    purpose="To learn what people prefer.",
    content_warning="Some texts may upset you.",
    contact="lab@lab.example",
    review_board="IRB 2026-17",
)
SENTENCE = "The harbour lay quiet while {} boats came home and the gulls went on with their noise over the roofs."


def make_asking_study(
    session: Session,
    *,
    consent: bool = False,
    english: bool = False,
    guidelines: bool = False,
    qualification: QualificationPlan | None = None,
    **pool: object,
) -> Study:
    """An open study that asks for what is named."""
    study = make_pool(session, state=StudyState.DRAFT, **pool)  # type: ignore[arg-type]
    if consent:
        change_consent(session, study, PARTS)
    if english:
        set_rules(session, study, AnnotatorRules(asks_english=True))
    if guidelines:
        change_guidelines(session, study, "# How to judge\n\nRead *everything*.")
    if qualification is not None:
        make_training_passages(session, study, qualification.comparisons)
        set_qualification(session, study, qualification)
    study.state = StudyState.OPEN
    session.flush()
    return study


def make_training_passages(session: Session, study: Study, count: int) -> None:
    """Accepted passages that no system has continued, with texts of some words."""
    dataset = make_dataset(session, study)
    for nth in range(count):
        make_passage(session, dataset, original=f" {SENTENCE.format(nth)} {SENTENCE.format(nth + 100)}")
