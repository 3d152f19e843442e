"""What the API is told of a draft's parts, and what it answers."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, Field

from app.api_fields import TEXT, Body, DatasetName, Title
from app.domain.protocol import MOST_ANNOTATIONS, StoppingRule
from app.domain.taking_part import PUBLICATION, WITHDRAWAL, ConsentVersion
from app.domain.training import QualificationPlan, QualificationStanding
from app.models.protocol import Stopping

Words = Annotated[str, Field(max_length=20_000, pattern=TEXT)]
Said = Annotated[str, Field(min_length=1, max_length=20_000, pattern=TEXT)]


class NewDataset(Body):
    """A dataset's name."""

    name: DatasetName


class NewContrast(Body):
    """Two systems of the study, by name."""

    system: Title
    against: Title


class Contrasts(Body):
    """The pairs of systems that the study sets out to compare, in place of those it had; none to explore only."""

    contrasts: Annotated[list[NewContrast], Field(max_length=50)]


class Stop(Body):
    """When to close: `at` goes with a date, `after` with a number of annotations, and neither with the quota."""

    when: Stopping = Stopping.QUOTA
    at: AwareDatetime | None = None
    after: Annotated[int | None, Field(ge=1, le=MOST_ANNOTATIONS)] = None

    @property
    def rule(self) -> StoppingRule:
        """The same for the domain."""
        return StoppingRule(self.when, self.at, self.after)

    @classmethod
    def of(cls, rule: StoppingRule) -> Self:
        """What a rule says."""
        return cls.model_validate(rule, from_attributes=True)


class NewConsent(Body):
    """The parts of a consent form; without `pay`, the hourly rate is told."""

    purpose: Said
    content_warning: Said
    contact: Said
    review_board: Said
    pay: Words = ""
    publication: Words = PUBLICATION
    withdrawal: Words = WITHDRAWAL


class Consent(BaseModel):
    """A consent form as annotators read it, and how many agreed to this version."""

    version: int
    purpose: str
    content_warning: str
    contact: str
    review_board: str
    pay: str
    publication: str
    withdrawal: str
    created_at: datetime
    agreed: int

    @classmethod
    def of(cls, one: ConsentVersion) -> Self:
        """What the row says, and how many agreed."""
        texts = {name: getattr(one.form, name) for name in cls.model_fields if name != "agreed"}
        return cls(**texts, agreed=one.agreed)


class NewQualification(Body):
    """How many training comparisons, how many of them have to be right, and how often one may try."""

    comparisons: Annotated[int, Field(ge=1, le=50)] = 6
    pass_mark: Annotated[int, Field(ge=1, le=50)] = 5
    attempts: Annotated[int, Field(ge=1, le=100)] = 2
    retry_minutes: Annotated[int, Field(ge=0, le=10_080)] = 0

    @property
    def plan(self) -> QualificationPlan:
        """The same for the domain."""
        return QualificationPlan(**self.model_dump())


class Qualification(BaseModel):
    """A study's qualification, and how many annotators began it and passed."""

    comparisons: int
    pass_mark: int
    attempts: int
    retry_minutes: int
    began: int
    passed: int

    @classmethod
    def of(cls, found: QualificationStanding) -> Self:
        """What the study says."""
        return cls(**asdict(found.plan), began=found.began, passed=found.passed)


class NewGold(Body):
    """How many gold comparisons to make."""

    count: Annotated[int, Field(ge=1, le=10_000)]


class Gold(BaseModel):
    """How many gold comparisons the study has."""

    gold: int
