"""/checkpoints: the models that systems are made of."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.dependencies import CurrentResearcher, DbSession
from app.domain.hyperfitting import trained_ids
from app.domain.systems import all_checkpoints
from app.templating import render

router = APIRouter(prefix="/checkpoints")


@router.get("")
def list_checkpoints(request: Request, _researcher: CurrentResearcher, session: DbSession) -> Response:
    """Every checkpoint, by name."""
    return render(request, "checkpoints/list.html", checkpoints=all_checkpoints(session), trained=trained_ids(session))
