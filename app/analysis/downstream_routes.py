"""/checkpoints/downstream: what checkpoints reach on downstream tasks; a study's results have those of its systems."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.analysis.exhibits.downstream import downstream_exhibits
from app.analysis.formats import as_csv
from app.dependencies import CurrentResearcher, DbSession
from app.domain.downstream import evaluated_checkpoints, runs_of
from app.errors import NotFoundError
from app.templating import render

router = APIRouter(prefix="/checkpoints/downstream")


@router.get("")
def show_downstream(request: Request, _researcher: CurrentResearcher, session: DbSession) -> Response:
    """Tables 7 and 8 over every checkpoint, and where the runs stand."""
    ids = evaluated_checkpoints(session)
    exhibits = [one for one in downstream_exhibits(session, ids) if one.rows]
    return render(request, "analysis/downstream.html", exhibits=exhibits, runs=runs_of(session, ids))


@router.get("/{key}.csv")
def download_downstream(_researcher: CurrentResearcher, session: DbSession, key: str) -> Response:
    """One of the tables."""
    for exhibit in downstream_exhibits(session, evaluated_checkpoints(session)):
        if exhibit.key == key:
            headers = {"Content-Disposition": f'attachment; filename="{key}.csv"'}
            return Response(as_csv(exhibit), media_type="text/csv; charset=utf-8", headers=headers)
    raise NotFoundError(f"There is no table {key!r}.")
