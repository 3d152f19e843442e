"""Long lists of the API, a page at a time: by what comes after the last one seen, so that none is missed or doubled."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Annotated, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

LARGEST_ID = 2**53 - 1  # what every reader of JSON holds exactly

Entry = TypeVar("Entry")
RowT = TypeVar("RowT", bound="Row")
# For paths and bodies.
RowId = Annotated[int, Field(ge=1, le=LARGEST_ID)]


class Row(Protocol):
    """What is listed in the order of its number."""

    @property
    def id(self) -> int:
        """The number."""


class Paging(BaseModel):
    """Which part of a list: at most `limit` entries whose number is above `after`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=200, description="The most entries to answer.", examples=[50])] = 50
    after: Annotated[
        int, Field(ge=0, le=LARGEST_ID, description="As the `next` of the page before says.", examples=[0])
    ] = 0

    @property
    def fetched(self) -> int:
        """How many rows to read: one more than is shown tells whether another page follows."""
        return self.limit + 1


class Page(BaseModel, Generic[Entry]):
    """A part of a list, and the address of the next; null on the last page."""

    entries: list[Entry]
    next: str | None


def page(request: Request, paging: Paging, rows: Iterable[RowT], show: Callable[[RowT], Entry]) -> Page[Entry]:
    """The page that these rows fill, `paging.fetched` of them at most, in the order of their numbers."""
    found = list(islice(rows, paging.fetched))
    shown = found[: paging.limit]
    following = None
    if len(found) > paging.limit:
        address = request.url.include_query_params(after=shown[-1].id, limit=paging.limit)
        following = f"{address.path}?{address.query}"
    return Page(entries=[show(row) for row in shown], next=following)
