"""Errors that people see: one clear line in a terminal, a page in a browser, problem+json in the API."""

from http import HTTPStatus


class ToprankError(Exception):
    """Something a person can act on; its message says what happened, what it means and what to do next."""

    status_code: HTTPStatus = HTTPStatus.BAD_REQUEST


class NotFoundError(ToprankError):
    """There is no such thing, or it is not yours to see; the two are not told apart."""

    status_code = HTTPStatus.NOT_FOUND


class ForbiddenError(ToprankError):
    """You are logged in, but this is not for your role."""

    status_code = HTTPStatus.FORBIDDEN


class ConflictError(ToprankError):
    """What you asked for contradicts the present state."""

    status_code = HTTPStatus.CONFLICT


class TooManyAttemptsError(ToprankError):
    """Too many attempts in a short time; wait and try again."""

    status_code = HTTPStatus.TOO_MANY_REQUESTS


class UnavailableError(ToprankError):
    """The database cannot be reached at present."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
