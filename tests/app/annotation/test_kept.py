"""A study is read again when its row has changed, and only then."""

from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from app.annotation.kept import KeptStudies, kept_study
from app.models import Study
from app.models.study import StudyState
from tests.factories import make_study


def version(session: Session, study_id: int) -> str:
    query = text("SELECT concat_ws('/', xmin, ctid) FROM study WHERE id = :id")
    return str(session.execute(query, {"id": study_id}).scalar_one())


def test_a_study_is_read_once_while_its_row_stays_the_same(engine: Engine) -> None:
    kept: KeptStudies = {}
    with Session(engine) as session, session.begin():
        study_id = make_study(session).id
    with Session(engine) as session:
        first = kept_study(session, kept, study_id, version(session, study_id))
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    with Session(engine) as session:
        row = version(session, study_id)
        del asked[:]
        assert kept_study(session, kept, study_id, row) is first
    assert asked == []


def test_a_study_that_was_changed_is_read_again(engine: Engine) -> None:
    kept: KeptStudies = {}
    with Session(engine) as session, session.begin():
        study_id = make_study(session, state=StudyState.OPEN).id
    with Session(engine) as session:
        kept_study(session, kept, study_id, version(session, study_id))
    with Session(engine) as session, session.begin():
        session.get_one(Study, study_id).state = StudyState.PAUSED
    with Session(engine) as session:
        assert kept_study(session, kept, study_id, version(session, study_id)).state == StudyState.PAUSED
        assert not session.new | session.dirty
        assert study_id not in {study.id for study in session}
