"""Studies as they were read last, kept while their rows are what they were then: every judgement needs its study.

A row's version is who wrote it and where it lies (`xmin/ctid`), which any statement that reads the study can tell.
"""

from sqlalchemy.orm import Session

from app.models import Study

KeptStudies = dict[int, tuple[str, Study]]


def kept_study(session: Session, studies: KeptStudies, study_id: int, version: str) -> Study:
    """The study, read again only when its row has changed. It belongs to no session: it is there to be read."""
    version_then, study = studies.get(study_id, (None, None))
    if study is None or version_then != version:
        study = session.get_one(Study, study_id)
        session.expunge(study)
        studies[study_id] = version, study
    return study
