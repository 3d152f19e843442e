"""The audit log: what is recorded stays, and admins can find it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.domain.audit import AuditFilter, audit_page, audit_values, audited_actions, record
from app.errors import ToprankError
from app.models import AuditEntry, LoginSession
from tests.app.conftest import Browser
from tests.factories import make_person, make_study


def actions(session: Session, **wanted: object) -> list[str]:
    return [line.entry.action for line in audit_page(session, AuditFilter(**wanted))]  # type: ignore[arg-type]


def test_an_entry_says_who_did_what_to_what(session: Session) -> None:
    admin, study = make_person(session, email="ada@lab.example"), make_study(session, slug="poems")
    record(session, admin, "study.open", study, quota=3)
    record(session, None, "person.pause", admin)
    rule, opened = (audit_values(line) for line in audit_page(session, AuditFilter()))
    assert (opened["actor"], opened["subject"], opened["detail"]) == ("ada@lab.example", "study poems", {"quota": 3})
    assert (rule["actor"], rule["subject"], rule["detail"]) == (None, "person ada@lab.example", {})


def test_entries_are_found_by_action_person_subject_and_time(session: Session) -> None:
    ada, bob, study = make_person(session, email="ada@lab.example"), make_person(session), make_study(session)
    record(session, ada, "study.open", study)
    record(session, bob.id, "study.close", study)
    record(session, ada, "data.tidy", None)
    assert actions(session, action="study") == ["study.close", "study.open"]
    assert actions(session, action="study.open") == ["study.open"]
    assert actions(session, action="stud_") == []
    assert actions(session, actor="Ada@lab.example ") == ["data.tidy", "study.open"]
    assert actions(session, subject_type="study", subject_id=study.id) == ["study.close", "study.open"]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert (len(actions(session, until=tomorrow)), actions(session, since=tomorrow)) == (3, [])
    assert audited_actions(session) == ["data.tidy", "study.close", "study.open"]


def test_a_page_goes_on_behind_the_last_one(session: Session) -> None:
    for _ in range(5):
        record(session, None, "data.tidy", None)
    first = audit_page(session, AuditFilter(), limit=3)
    rest = audit_page(session, AuditFilter(), before=first[-1].entry.id, limit=3)
    assert len({line.entry.id for line in (*first, *rest)}) == 5


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET action = 'study.other'", "DELETE FROM audit", "TRUNCATE audit"]
)
def test_nothing_on_record_is_changed_or_taken_out(session: Session, statement: str) -> None:
    record(session, None, "data.tidy", None)
    with pytest.raises(DBAPIError, match="append-only"):
        session.execute(text(statement))


def test_only_what_is_older_than_the_limit_goes(session: Session) -> None:
    record(session, None, "data.tidy", None)
    session.execute(text("SELECT set_config('toprank.forget_audit_before', (now() - interval '1 day')::text, true)"))
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.execute(text("DELETE FROM audit"))
    session.execute(text("SELECT set_config('toprank.forget_audit_before', (now() + interval '1 s')::text, true)"))
    session.execute(text("DELETE FROM audit"))
    assert actions(session) == []


@pytest.mark.parametrize("action", ["open", "Study.open", "study.open.twice", ""])
def test_an_action_is_a_subject_and_a_verb(session: Session, action: str) -> None:
    with pytest.raises(DBAPIError, match="action_is_plain"):
        record(session, None, action, None)


def test_what_has_no_number_is_no_subject(session: Session) -> None:
    login = LoginSession(token_hash=b"x", person_id=make_person(session).id, expires_at=datetime.now(UTC))
    session.add(login)
    session.flush()
    with pytest.raises(ToprankError, match="login_session"):
        record(session, None, "person.log_in", login)


@pytest.fixture
def recorded(engine: Engine) -> Engine:
    with Session(engine) as session:
        study = make_study(session, slug="poems")
        record(session, make_person(session, email="ada@lab.example"), "study.open", study, title="<b>&")
        session.add_all(AuditEntry(action="data.tidy", detail={"nth": nth}) for nth in range(150))
        session.commit()
    return engine


def test_admins_read_it_page_by_page(recorded: Engine, admin: Browser) -> None:
    first = admin.get("/audit").text
    older = re.search(r'href="(/audit\?before=\d+)"', first)
    assert older
    last = admin.get(older[1]).text
    assert [page.count('<td data-label="Who">') for page in (first, last)] == [100, 51]
    assert "study poems" in last
    assert "&lt;b&gt;&amp;" in last
    assert "Older entries" not in last


def test_admins_narrow_it_down(recorded: Engine, admin: Browser) -> None:
    form = "first_day=2026-01-01&last_day=&actor=&before="
    found = admin.get(f"/audit?action=study.open&{form}").text
    assert "study poems" in found
    assert found.count('<td data-label="Who">') == 1
    assert "ada@lab.example" in admin.get("/audit?actor=ada@lab.example").text
    assert "Nothing on record fits" in admin.get("/audit?last_day=2001-01-01").text


@pytest.mark.parametrize(
    "query", ["actor=%00", "subject_id=0", "subject_id=9223372036854775808", "last_day=never", "else=1"]
)
def test_what_makes_no_sense_is_refused(admin: Browser, query: str) -> None:
    assert admin.get(f"/audit?{query}").status_code == 422
