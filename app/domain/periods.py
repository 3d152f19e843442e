"""Periods of time, from a moment to another."""

from datetime import datetime

from app.errors import ToprankError


class PeriodError(ToprankError):
    """The period ends before it begins, so nothing could be in it; change one of its two days."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def check_period(since: datetime | None, until: datetime | None) -> None:
    """Raises PeriodError unless some moment lies in [since, until); None is open."""
    if since is not None and until is not None and until <= since:
        raise PeriodError
