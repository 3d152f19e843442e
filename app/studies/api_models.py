"""What the API says of studies and systems, and what it is told."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from app.api_fields import TEXT, Body, DatasetName, FreeText, NewSlug, Title
from app.domain.study_settings import Freedom
from app.domain.systems import SystemPlan, TrainingPlan
from app.models import Study, System
from app.models.study import DEFAULT_GUIDELINES, Release, StudyState, Withdrawal
from app.models.system import GenerationState, Strategy
from app.paging import LARGEST_ID
from app.studies.alerts import Alert

Quota = Annotated[int, Field(ge=1, le=99)]
Rate = Annotated[float, Field(ge=0, lt=1_000_000)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Seed = Annotated[int, Field(ge=-LARGEST_ID, le=LARGEST_ID)]
Share = Annotated[float, Field(ge=0, le=1)]


class StudySummary(BaseModel):
    """A study in a list."""

    id: int
    slug: str
    title: str
    state: StudyState
    quota: int
    created_at: datetime
    opened_at: datetime | None
    closed_at: datetime | None

    @classmethod
    def of(cls, study: Study) -> Self:
        """What the row says."""
        return cls.model_validate(study, from_attributes=True)


class StudyDetails(StudySummary):
    """A study with its settings; `freedoms` says how far each part may change in its state."""

    settings: dict[str, Any]
    freedoms: dict[str, Freedom]
    datasets: list[str]
    protocol_sha256: str
    is_locked: bool


class Alerts(BaseModel):
    """What wants an eye; `page` is an address below the study's own page, empty for that page itself."""

    entries: list[Alert]


class NewStudy(Body):
    """A draft; the tokenizer is what lengths are counted in, by the name of a checkpoint here or as tokenizer.json."""

    slug: NewSlug
    title: Title
    datasets: Annotated[list[DatasetName], Field(min_length=1, max_length=50)]
    tokenizer_of_checkpoint: Annotated[str | None, Field(max_length=200)] = None
    tokenizer_json: Annotated[str | None, Field(max_length=64 * 2**20)] = None
    quota: Quota = 3
    guidelines: FreeText = DEFAULT_GUIDELINES
    hourly_rate: Rate = 10.0
    seed: Seed = 0
    release: Release = Release.COMPLETE


class NewCopy(Body):
    """A draft like another study; with its accepted passages, or without."""

    slug: NewSlug
    title: Title
    passages: bool = False


class StudyChange(Body):
    """What to change; what is left out stays. A threshold of null pauses nobody."""

    title: Title = "A title"
    quota: Quota = 3
    hourly_rate: Rate = 10.0
    currency: Currency = "USD"
    seed: Seed = 0
    release: Release = Release.COMPLETE
    guidelines: Annotated[FreeText, Field(min_length=1)] = DEFAULT_GUIDELINES
    asks_english: bool = False
    break_minutes: Annotated[int, Field(ge=0, le=600)] = 0
    gold_share: Annotated[float, Field(ge=0, le=0.5)] = 0
    repeat_share: Annotated[float, Field(ge=0, le=0.5)] = 0
    max_share: Annotated[float, Field(ge=0.000001, le=1)] = 1
    max_exposures: Annotated[int, Field(ge=1, le=32767)] = 1
    exposure_gap: Annotated[int, Field(ge=0, le=32767)] = 100
    min_gold_accuracy: Share | None = None
    min_self_consistency: Share | None = None
    min_reading_ms: Annotated[int | None, Field(ge=1, le=86_400_000)] = None
    withdrawal: Withdrawal = Withdrawal.REPLACE


class NewState(Body):
    """Where to move a study: opening locks its protocol, closing is for good."""

    state: Literal[StudyState.OPEN, StudyState.PAUSED, StudyState.CLOSED]


class SystemSummary(BaseModel):
    """A system, and where its generation stands."""

    id: int
    name: str
    checkpoint: str
    strategy: Strategy
    top_p: float
    temperature: float
    top_k: int
    seed: int
    repetition_penalty: float
    chat_template: bool
    block_citations: bool
    scenarios: list[int]
    state: GenerationState
    reason: str | None
    paused: bool

    @classmethod
    def of(cls, system: System) -> Self:
        """What the row says, with its checkpoint's name."""
        own = {name: getattr(system, name) for name in cls.model_fields if name != "checkpoint"}
        return cls(checkpoint=system.checkpoint.name, **own)


class NewTrainingTexts(Body):
    """What a system may not repeat, where that is not what its checkpoint was hyperfitted on here."""

    name: Title
    texts: Annotated[list[Annotated[str, Field(max_length=1_000_000, pattern=TEXT)]], Field(min_length=1)]


class NewSystem(Body):
    """A checkpoint and how it decodes; the defaults are the paper's."""

    name: Title
    checkpoint: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
    strategy: Strategy = Strategy.GREEDY
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    temperature: Annotated[float, Field(gt=0, le=1000)] = 0.7
    top_k: Annotated[int, Field(ge=0, le=LARGEST_ID)] = 50
    seed: Seed = 0
    repetition_penalty: Annotated[float, Field(gt=0, le=1000)] = 1.0
    chat_template: bool = False
    block_citations: bool = False
    training_texts: NewTrainingTexts | None = None
    scenarios: Annotated[list[Literal[128, 256]], Field(min_length=1, max_length=2, default=[128, 256])]

    @property
    def plan(self) -> SystemPlan:
        """The same for the domain."""
        own = self.training_texts
        texts = TrainingPlan(own.name, tuple(own.texts)) if own else None
        values = self.model_dump(exclude={"scenarios", "training_texts"})
        return SystemPlan(**values, scenarios=tuple(self.scenarios), training_texts=texts)
