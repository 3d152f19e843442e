"""/studies/{slug}/texts: the texts themselves, once results may be seen."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.analysis.evidence import Evidence
from app.analysis.looks import check_is_open_to_look
from app.analysis.texts import PAGE, Scenario, TextFilter, find_passage, find_texts, side_by_side
from app.dependencies import CurrentResearcher, DbSession
from app.domain.studies import find_study
from app.paging import RowId
from app.templating import render

router = APIRouter(prefix="/studies/{slug}/texts")


@router.get("")
def list_texts(
    request: Request,
    _researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    wanted: Annotated[TextFilter, Query()],
) -> Response:
    """Continuations that pass the form's filters."""
    study = find_study(session, slug)
    check_is_open_to_look(session, study)
    texts, total = find_texts(session, study, wanted)
    evidence = Evidence(session, study)
    return render(
        request,
        "analysis/texts.html",
        study=study,
        wanted=wanted,
        texts=texts,
        total=total,
        pages=-(-total // PAGE),
        query=urlencode(wanted.model_dump(exclude={"page"})),
        datasets=[(dataset.name, dataset.name) for dataset in evidence.datasets],
        systems=[(system.name, system.name) for system in evidence.systems],
    )


@router.get("/{passage_id}")
def show_text(
    request: Request,
    _researcher: CurrentResearcher,
    session: DbSession,
    slug: str,
    passage_id: RowId,
    scenario: Scenario = Scenario.LONG,
) -> Response:
    """Every continuation of one context, side by side."""
    study = find_study(session, slug)
    check_is_open_to_look(session, study)
    passage, dataset = find_passage(session, study, passage_id)
    return render(
        request,
        "analysis/text.html",
        study=study,
        passage=passage,
        dataset=dataset,
        scenario=scenario,
        sides=side_by_side(session, study, passage, scenario=scenario),
    )
