"""The address of a one-time link, as whoever asked reaches this site."""

from starlette.requests import Request


def link_of(request: Request, token: str) -> str:
    """Where an invited person sets a password."""
    return str(request.url.replace(path=f"/invite/{token}", query=""))
