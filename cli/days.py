"""Days as options: written 2026-03-31, whole and UTC's."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import date

    from app.forms import Period

FirstDay = Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="The first day (UTC).")]
LastDay = Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="The last day (UTC).")]


def day_of(written: str) -> "date":
    """The day. Raises ToprankError for what is none."""
    from datetime import date

    from app.errors import ToprankError

    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise ToprankError(f"{written!r} is no day; write it as 2026-03-31.") from error


def period_of(first: str | None, last: str | None) -> "Period":
    """From one day to another; open where none is given."""
    from app.forms import Period

    return Period(first_day=day_of(first) if first else None, last_day=day_of(last) if last else None)
