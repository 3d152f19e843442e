"""Types of fields that several requests of the API share: what the database can hold and addresses can name."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from app.domain.studies import PLAIN_NAME, PLAIN_NAME_WITH_UNDERSCORE

TEXT = r"^[^\x00]*$"
# One line that is not blank at either end: names and titles.
LINE = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f\u2028\u2029]*[^\s\x00-\x1f\x7f-\x9f])?$"


StudySlug = Annotated[str, Path(pattern=f"^{PLAIN_NAME}$", description="The study's name in addresses.")]
NewSlug = Annotated[str, Field(pattern=f"^{PLAIN_NAME}$")]
DatasetName = Annotated[str, Field(pattern=f"^{PLAIN_NAME_WITH_UNDERSCORE}$")]
Title = Annotated[str, Field(min_length=1, max_length=200, pattern=LINE)]
FreeText = Annotated[str, Field(max_length=100_000, pattern=TEXT)]


class Body(BaseModel):
    """What a request says; refuses fields it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)
