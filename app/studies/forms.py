"""The forms of a study's settings, as browsers send them."""

from typing import Annotated

from fastapi import UploadFile
from pydantic import Field, field_validator

from app.domain.systems import SystemPlan, TrainingPlan
from app.domain.training import QualificationPlan
from app.forms import PageForm
from app.models.study import Release, Withdrawal
from app.models.system import SCENARIOS, Strategy
from app.texts.uploaded import uploaded_texts

Line = Annotated[str, Field(max_length=200)]
Words = Annotated[str, Field(max_length=20_000)]


class NewStudyForm(PageForm):
    """A new draft: named, counted in a tokenizer, with datasets; or like another study, and then with its own."""

    title: Line
    slug: Line
    tokenizer: Line = ""
    datasets: Words = ""
    copy_of: Line = ""
    passages: bool = False

    @property
    def dataset_names(self) -> tuple[str, ...]:
        """One for each word of the field."""
        return tuple(self.datasets.replace(",", " ").split())


class BasicsForm(PageForm):
    """What the study is called, and what it costs. A field that is locked is not sent."""

    title: Line
    quota: Annotated[int | None, Field(ge=1, le=99)] = None
    hourly_rate: Annotated[float | None, Field(ge=0, lt=1_000_000)] = None
    currency: Annotated[str | None, Field(max_length=3)] = None
    seed: Annotated[int | None, Field(ge=-(2**53), le=2**53)] = None
    release: Release | None = None


class DatasetForm(PageForm):
    """One dataset."""

    name: Annotated[str, Field(min_length=1, max_length=63)]


class SystemForm(PageForm):
    """A checkpoint and how it decodes; `scenarios` are the boxes that are ticked."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    checkpoint: Annotated[str, Field(min_length=1, max_length=200)]
    strategy: Strategy = Strategy.GREEDY
    top_p: float = 0.9
    temperature: float = 0.7
    top_k: Annotated[int, Field(le=2**53)] = 50
    seed: Annotated[int, Field(ge=-(2**53), le=2**53)] = 0
    repetition_penalty: float = 1.0
    chat_template: bool = False
    block_citations: bool = False
    training_set: UploadFile | None = None
    scenarios: Annotated[list[int], Field(default_factory=list)]

    @field_validator("scenarios")
    @classmethod
    def _known(cls, scenarios: list[int]) -> list[int]:
        if not set(scenarios) <= set(SCENARIOS):
            raise ValueError("a system is judged at 128 or 256 tokens")
        return scenarios

    @property
    def plan(self) -> SystemPlan:
        """The same for the domain."""
        values = self.model_dump(exclude={"csrf_token", "scenarios", "training_set"})
        return SystemPlan(**values, scenarios=tuple(self.scenarios), training_texts=self._training_texts)

    @property
    def _training_texts(self) -> TrainingPlan | None:
        """The file's texts, if one was chosen. Raises UnreadableFileError."""
        file = self.training_set
        if file is None or not file.filename:
            return None
        texts = uploaded_texts([(file.filename, file.file)])
        return TrainingPlan(file.filename[-200:], tuple(one.text for one in texts))


class RemovalForm(PageForm):
    """Which system or dataset to take out."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


class GuidelinesForm(PageForm):
    """The guidelines in Markdown."""

    guidelines: Annotated[str, Field(max_length=100_000)]


class ConsentForm(PageForm):
    """The parts of a consent form; those left empty are written for the study, or named as missing."""

    purpose: Words = ""
    content_warning: Words = ""
    contact: Words = ""
    review_board: Words = ""
    pay: Words = ""
    publication: Words = ""
    withdrawal: Words = ""

    @property
    def parts(self) -> dict[str, str]:
        """What was filled in."""
        given = self.model_dump(exclude={"csrf_token"})
        return {name: text.replace("\r\n", "\n") for name, text in given.items() if text.strip()}


class AskingForm(PageForm):
    """What else annotators are asked, and when to suggest a break."""

    asks_english: bool = False
    break_minutes: Annotated[int, Field(ge=0, le=600)] = 0


class QualificationForm(PageForm):
    """How much practice it takes to qualify."""

    comparisons: int = 6
    pass_mark: int = 5
    attempts: int = 2
    retry_minutes: int = 0

    @property
    def plan(self) -> QualificationPlan:
        """The same for the domain."""
        return QualificationPlan(**self.model_dump(exclude={"csrf_token"}))


class RulesForm(PageForm):
    """Checks, thresholds, caps and the exposure rule. Shares are in per cent; an empty threshold pauses nobody."""

    gold_percent: Annotated[float, Field(ge=0, le=50)] = 0
    repeat_percent: Annotated[float, Field(ge=0, le=50)] = 0
    max_share_percent: Annotated[float, Field(gt=0, le=100)] = 100
    max_exposures: Annotated[int, Field(ge=1, le=32767)] = 1
    exposure_gap: Annotated[int, Field(ge=0, le=32767)] = 100
    min_gold_percent: Annotated[float | None, Field(ge=0, le=100)] = None
    min_consistency_percent: Annotated[float | None, Field(ge=0, le=100)] = None
    min_reading_seconds: Annotated[float | None, Field(gt=0, le=86_400)] = None
    withdrawal: Withdrawal = Withdrawal.REPLACE

    @property
    def changes(self) -> dict[str, float | int | str | None]:
        """By the names of the rules."""
        seconds = self.min_reading_seconds
        return {
            "gold_share": share(self.gold_percent),
            "repeat_share": share(self.repeat_percent),
            "max_share": share(self.max_share_percent),
            "max_exposures": self.max_exposures,
            "exposure_gap": self.exposure_gap,
            "min_gold_accuracy": share(self.min_gold_percent),
            "min_self_consistency": share(self.min_consistency_percent),
            "min_reading_ms": None if seconds is None else max(1, round(1000 * seconds)),
            "withdrawal": self.withdrawal,
        }


def share(percent: float | None) -> float | None:
    """12.5 -> 0.125, without the noise of a division."""
    return None if percent is None else round(percent / 100, 10)


class GoldForm(PageForm):
    """How many gold comparisons to make."""

    count: Annotated[int, Field(ge=1, le=10_000)]


class ContrastsForm(PageForm):
    """The pairs to compare, as equally long lists; a pair without names is none."""

    system: Annotated[list[Line], Field(default_factory=list, max_length=50)]
    against: Annotated[list[Line], Field(default_factory=list, max_length=50)]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Those that name two systems."""
        return [pair for pair in zip(self.system, self.against, strict=False) if any(pair)]


class StoppingForm(PageForm):
    """When to close, in the words that `read_stopping` knows."""

    stop: Annotated[str, Field(min_length=1, max_length=40)]


class DeedForm(PageForm):
    """A move of the study; the word that confirms one that cannot be undone."""

    confirmed: bool = False
