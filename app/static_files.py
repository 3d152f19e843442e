"""Static files that browsers keep for good: their address carries a hash of what is in them."""

import hashlib
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qs

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).resolve().parent.parent / "static"
FOREVER = "public, max-age=31536000, immutable"


def static_url(path: str) -> str:
    """The address of a static file, with its content hash, so that a changed file has another address."""
    return f"/static/{path}?v={content_hash(path)}"


@lru_cache
def content_hash(path: str) -> str:
    """12 hex digits of a static file's SHA-256."""
    return hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]


class HashedStaticFiles(StaticFiles):
    """Cached for good when asked for by the right hash, else checked each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with the caching that its address allows."""
        response = await super().get_response(path, scope)
        versions = parse_qs(scope["query_string"].decode("latin-1")).get("v")
        is_current = versions is not None and versions == [content_hash(path)]
        response.headers["Cache-Control"] = FOREVER if is_current else "no-cache"
        return response
