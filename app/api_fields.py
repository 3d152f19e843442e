"""Types of fields that several requests of the API share: what the database can hold and addresses can name."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, field_validator

from app.domain.studies import PLAIN_NAME, PLAIN_NAME_WITH_UNDERSCORE
from app.forms import Period, WrittenDay
from app.paging import RowId

TEXT = r"^[^\x00]*$"
# One line that is not blank at either end: names and titles.
LINE = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\s\x00-\x1f\x7f-\x9f])?$"


StudySlug = Annotated[
    str, Path(pattern=f"^{PLAIN_NAME}$", description="The study's name in addresses.", examples=["poems"])
]
DatasetInPath = Annotated[
    str, Path(pattern=f"^{PLAIN_NAME_WITH_UNDERSCORE}$", description="The dataset's name.", examples=["fiction"])
]
CheckpointId = Annotated[RowId, Path(description="The checkpoint's number.", examples=[12])]
PassageId = Annotated[RowId, Path(description="The passage's number.", examples=[17])]
PersonId = Annotated[RowId, Path(description="The person's number.", examples=[3])]
SystemId = Annotated[RowId, Path(description="The system's number.", examples=[5])]
TokenId = Annotated[RowId, Path(description="The token's number, which is no secret.", examples=[2])]
RunId = Annotated[RowId, Path(description="The run's number.", examples=[4])]
NewSlug = Annotated[str, Field(pattern=f"^{PLAIN_NAME}$", examples=["poems"])]
DatasetName = Annotated[str, Field(pattern=f"^{PLAIN_NAME_WITH_UNDERSCORE}$", examples=["fiction"])]
Title = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]
FreeText = Annotated[str, Field(max_length=100_000, pattern=TEXT)]


class WrittenPeriod(Period):
    """From one day to another, both whole and UTC's; open where a day is left out."""

    first_day: Annotated[WrittenDay | None, Field(description="The first day.", examples=["2026-03-01"])] = None
    last_day: Annotated[WrittenDay | None, Field(description="The last day.", examples=["2026-03-31"])] = None


class Body(BaseModel):
    """What a request says; refuses fields it does not know, and takes no text for a number, as forms do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def of_its_kind(cls, value: object, handler: ValidatorFunctionWrapHandler) -> object:
        """The value, if JSON has it as the kind that it is to be."""
        found: object = handler(value)
        if not _is_of_its_kind(found, value):
            raise ValueError("A number is written without quotes, and a truth value as true or false.")
        return found


def _is_of_its_kind(found: object, value: object) -> bool:
    if isinstance(found, list | tuple) and isinstance(value, list):
        return all(map(_is_of_its_kind, found, value))
    kinds = [isinstance(found, int | float), isinstance(found, bool)]
    return not any(kinds) or kinds == [isinstance(value, int | float), isinstance(value, bool)]
