"""An export as pages and programs ask for it by address, and as it is given: streamed, and on record."""

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy.orm import Session, sessionmaker

from app.domain.audit import record
from app.downloads import Download
from app.export.formats import MEDIA_TYPES, FileFormat
from app.export.query import ExportFilter, check_filter
from app.export.streaming import Export, ExportOrder
from app.forms import PageQuery
from app.models import Study
from app.models.annotation import AnnotationStatus
from app.resources import Resources

Name = Annotated[str, Field(max_length=200)]


def _several(description: str, most: int, example: object) -> Any:
    """A choice that may be made several times."""
    return Field(default_factory=list, max_length=most, description=description, examples=[[example]])


class ExportQuery(PageQuery):
    """What of a study; every choice may be made several times, and none means all."""

    texts: Annotated[bool, Field(description="Also context, reference_text and candidate_text.", examples=[True])] = (
        False
    )
    dataset: Annotated[list[Name], _several("Only of these datasets.", 100, "fiction")]
    system: Annotated[list[Name], _several("Only of these systems.", 100, "greedy")]
    status: Annotated[list[Name], _several("Only with this status.", len(AnnotationStatus) + 1, "counted")]
    scenario: Annotated[list[int], _several("Only of these lengths, 128 or 256.", 2, 256)]

    def order(self, file_format: FileFormat) -> ExportOrder:
        """The same for the domain."""
        wanted = ExportFilter(tuple(self.dataset), tuple(self.system), tuple(self.status), tuple(self.scenario))
        return ExportOrder(file_format, self.texts, wanted)


def export_download(
    session: Session, resources: Resources, study: Study, order: ExportOrder, *, by_id: int
) -> Download:
    """The file; who took it, when, which rows and how many, and its hash go on record when it ends.

    Raises NotFoundError for a choice of what the study has not.
    """
    check_filter(session, study, order.wanted)
    export = Export(study, order)
    return Download(
        resources.streams,
        export.pieces,
        ended=lambda: _record(resources.short_transactions.sessions, export, by_id),
        name=f"{study.slug}.{order.file_format}",
        media_type=MEDIA_TYPES[order.file_format],
    )


def _record(short: sessionmaker[Session], export: Export, by_id: int) -> None:
    with short.begin() as second:
        record(second, by_id, "study.export", export.study, **export.facts)
