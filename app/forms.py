"""What every form of a page has in common."""

from pydantic import BaseModel, ConfigDict


class PageForm(BaseModel):
    """Refuses fields it does not know; the token was checked before, and is named here only to be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    csrf_token: str = ""
