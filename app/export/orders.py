"""An export as pages and programs ask for it by address, and as it is given: streamed, and on record."""

from typing import Annotated

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


class ExportQuery(PageQuery):
    """What of a study; every choice may be made several times, and none means all."""

    texts: Annotated[bool, Field(description="Also context, reference_text and candidate_text.")] = False
    dataset: Annotated[list[Name], Field(default_factory=list, max_length=100)]
    system: Annotated[list[Name], Field(default_factory=list, max_length=100)]
    status: Annotated[list[Name], Field(default_factory=list, max_length=len(AnnotationStatus) + 1)]
    scenario: Annotated[list[int], Field(default_factory=list, max_length=2)]

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
