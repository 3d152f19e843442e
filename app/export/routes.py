"""/studies/{slug}/export.csv: every judgement of a study as a download."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from app.dependencies import CurrentResearcher, DbSession, Streams
from app.domain.studies import find_study
from app.export.streaming import stream_export

router = APIRouter(prefix="/studies/{slug}")


@router.get("/export.csv")
def download_csv(
    _researcher: CurrentResearcher,
    session: DbSession,
    streams: Streams,
    slug: str,
    texts: Annotated[bool, Query(description="Also context, reference_text and candidate_text.")] = False,
) -> StreamingResponse:
    """Stream the export from a session of its own, since this request's is closed before the first byte."""
    study = find_study(session, slug)

    def pieces() -> Iterator[bytes]:
        with streams() as stream:
            yield from stream_export(stream, study, texts=texts)

    headers = {"Content-Disposition": f'attachment; filename="{study.slug}.csv"'}
    return StreamingResponse(pieces(), media_type="text/csv; charset=utf-8", headers=headers)
