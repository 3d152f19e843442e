"""/api/v1/tokens: one's own tokens; a new one is made on one's account page, never by another token."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request

from app.api_fields import TokenId
from app.auth.api_tokens import ApiReader, ApiWriter, revoke_api_token, tokens_of
from app.dependencies import DbSession
from app.idempotency import Once
from app.models import ApiToken
from app.models.person import TokenScope
from app.paging import Page, Paging, page

router = APIRouter(prefix="/tokens", tags=["tokens"])


class TokenSummary(BaseModel):
    """A token without its secret, which nobody keeps."""

    id: int
    name: str
    scopes: list[TokenScope]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, token: ApiToken) -> Self:
        """What a row says."""
        return cls.model_validate(token, from_attributes=True)


@router.get("")
def list_tokens(
    request: Request, reader: ApiReader, session: DbSession, paging: Annotated[Paging, Query()]
) -> Page[TokenSummary]:
    """One's own tokens, the oldest first, revoked and expired ones among them."""
    rows = tokens_of(session, reader, after=paging.after, limit=paging.fetched)
    return page(request, paging, rows, TokenSummary.of)


@router.delete("/{token_id}")
def revoke_token(writer: ApiWriter, session: DbSession, once: Once, token_id: TokenId) -> TokenSummary:
    """Make one of one's own tokens useless at once."""
    return once(TokenSummary, lambda: TokenSummary.of(revoke_api_token(session, writer, token_id, by=writer)))
