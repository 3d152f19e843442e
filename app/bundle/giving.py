"""A bundle as pages and programs ask for it: streamed, under the rules of the results, and on record."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field
from sqlalchemy.orm import Session

from app.analysis.looks import check_is_open_to_look
from app.bundle.making import Bundle, begin_snapshot
from app.domain.audit import record
from app.downloads import Download
from app.forms import PageQuery
from app.models import Study
from app.resources import Resources


class BundleQuery(PageQuery):
    """What the database does not know and the datasheet has to say."""

    recruitment: Annotated[
        str,
        Field(
            max_length=2000,
            description="How annotators were found, for the datasheet.",
            examples=["By a freelance platform."],
        ),
    ] = ""


def bundle_download(
    session: Session, resources: Resources, study: Study, asked: BundleQuery, *, by_id: int
) -> Download:
    """The file; who took it goes on record when it ends. Raises NotOpenToLookError while results are not to be seen."""
    check_is_open_to_look(session, study)
    bundle = Bundle(study, recruitment=asked.recruitment)

    def pieces(stream: Session) -> Iterator[bytes]:
        begin_snapshot(stream)
        return bundle.pieces(stream)

    def ended() -> None:
        with resources.short_transactions.sessions.begin() as second:
            record(second, by_id, "study.bundle", study, **bundle.facts)

    name = f"{study.slug}-bundle.zip"
    return Download(resources.streams, pieces, ended=ended, name=name, media_type="application/zip")
