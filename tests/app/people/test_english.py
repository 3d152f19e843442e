"""/people/{id}/english: what researchers know about an annotator's English."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import EnglishCheck, Person
from tests.app.conftest import Browser

FORM = {"first_language": "Danish", "method": "interview", "verified_by": "Ada", "verified_on": "2026-03-01"}


def test_a_researcher_records_it_and_what_was_stated_stays_on_record(
    annotator: Browser, researcher: Browser, db: Session
) -> None:
    person = db.scalars(select(Person).where(Person.email == annotator.email)).one()
    here = f"/people/{person.id}/english"
    assert "Nothing is known yet" in researcher.get(here).text
    stated = FORM | {"method": "platform", "verified_by": "the platform"}
    assert annotator.submit("/annotate/english", **stated).status_code == 303
    assert "Stated by the annotator" in researcher.get(here).text
    assert researcher.submit(here, **FORM).status_code == 303
    assert "Recorded by a researcher" in researcher.get(here).text
    methods = db.scalars(select(EnglishCheck.method).order_by(EnglishCheck.id)).all()
    assert methods == ["platform", "interview"]


def test_a_date_in_the_future_is_refused(annotator: Browser, researcher: Browser, db: Session) -> None:
    person = db.scalars(select(Person).where(Person.email == annotator.email)).one()
    refused = researcher.submit(f"/people/{person.id}/english", **FORM | {"verified_on": "2999-01-01"})
    assert refused.status_code == 400
    assert "lies in the future" in refused.text


def test_a_day_is_written_as_a_day(annotator: Browser, researcher: Browser, db: Session) -> None:
    person = db.scalars(select(Person).where(Person.email == annotator.email)).one()
    refused = researcher.submit(f"/people/{person.id}/english", **FORM | {"verified_on": "86400"})
    assert (refused.status_code, "verified_on:" in refused.text) == (422, True)


def test_the_page_is_about_annotators_alone(researcher: Browser, admin: Browser, db: Session) -> None:
    for browser in (researcher, admin):
        person = db.scalars(select(Person).where(Person.email == browser.email)).one()
        page = researcher.get(f"/people/{person.id}/english")
        assert (page.status_code, admin.email in page.text) == (404, False)
        assert researcher.submit(f"/people/{person.id}/english", **FORM).status_code == 404
