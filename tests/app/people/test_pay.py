"""/people/pay: hours and pay by person and study, on a page and as a table that runs nothing."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.annotation.claims import claim
from app.annotation.verdicts import Answer, record_verdict
from app.domain.paid_time import payroll, totals
from app.models import Annotation, Assignment, Person, Study
from app.models.annotation import VerdictShown
from app.people.payment import COLUMNS, payment_csv
from tests.app.conftest import Browser
from tests.factories import make_person, make_pool


def judge(session: Session, study: Study, annotator: Person, *, seconds: int, at: datetime | None = None) -> None:
    shown = claim(session, study, annotator.id).shown
    assert shown is not None
    session.execute(update(Assignment).values(claimed_at=datetime.now(UTC) - timedelta(days=1)))
    record_verdict(session, annotator.id, shown, Answer(VerdictShown.FIRST, 1000 * seconds))
    if at is not None:
        newest = update(Annotation).where(Annotation.annotator_id == annotator.id, Annotation.study_id == study.id)
        session.execute(newest.values(answered_at=at))


def test_everybody_is_paid_for_each_study_in_the_period(session: Session) -> None:
    ada, bob = make_person(session, email="ada@lab.example"), make_person(session, email="bob@lab.example")
    poems = make_pool(session, slug="poems", hourly_rate=12, currency="EUR")
    tales = make_pool(session, slug="tales", hourly_rate=10)
    march, april = datetime(2026, 3, 31, 23, 59, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    judge(session, poems, ada, seconds=90, at=march)
    judge(session, poems, bob, seconds=100, at=april)
    judge(session, tales, bob, seconds=200, at=march)
    lines = payroll(session, until=april)
    # 90 s at 12 an hour, 200 s at 10 an hour
    found = [(line.email, line.work.slug, line.hours, line.work.pay) for line in lines]
    assert found == [("ada@lab.example", "poems", 0.025, 0.3), ("bob@lab.example", "tales", 0.0556, 0.56)]
    assert totals(lines) == {"EUR": 0.3, "USD": 0.56}
    assert [line.email for line in payroll(session, since=april)] == ["bob@lab.example"]


def test_a_spreadsheet_runs_nothing_of_it(session: Session) -> None:
    judge(session, make_pool(session, slug="poems"), make_person(session, email="=cmd@lab.example"), seconds=36)
    (row,) = csv.DictReader(io.StringIO(payment_csv(payroll(session))))
    assert tuple(row) == COLUMNS
    assert row["person"] == "'=cmd@lab.example"
    assert (row["hours"], row["hourly_rate"], row["pay"], row["currency"]) == ("0.0100", "10.00", "0.10", "USD")


def test_the_page_shows_the_month_and_its_download_is_on_record(admin: Browser, db: Session) -> None:
    ada = make_person(db, email="ada@lab.example")
    judge(db, make_pool(db, slug="poems", title="Poems"), ada, seconds=90)
    db.commit()
    page = admin.get("/people/pay").text
    assert "ada@lab.example" in page
    assert "0.25 USD" in page
    assert admin.get(f"/people/{ada.id}").text.count("0.25 USD") == 1
    assert "Nobody worked" in admin.get("/people/pay?first_day=2001-01-01&last_day=2001-01-31").text
    download = admin.get("/people/pay.csv?first_day=2026-01-01&last_day=")
    assert download.headers["content-disposition"] == 'attachment; filename="pay-2026-01-01.csv"'
    assert download.text.splitlines()[1].startswith("ada@lab.example,poems,1,0,0.0250,10.00,0.25,USD")
    assert "pay.export" in admin.get("/audit").text


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("first_day=31.3.2026", 422, "first_day: "),
        ("first_day=2026-02-30", 422, "first_day: day "),
        ("first_day=86400", 422, "first_day: Invalid isoformat"),
        ("from=2026-01-01", 422, "from: Extra inputs"),
        ("first_day=2026-03-31&last_day=2026-03-30", 400, "The period ends before it begins"),
    ],
)
def test_a_period_that_makes_no_sense_is_refused(admin: Browser, query: str, status: int, says: str) -> None:
    for page in ("/people/pay", "/people/pay.csv", "/audit"):
        refused = admin.get(f"{page}?{query}")
        assert (refused.status_code, says in refused.text) == (status, True)


def test_a_wrong_period_can_be_mended_where_it_was_asked_for(admin: Browser) -> None:
    page = admin.get("/people/pay?first_day=2026-03-31&last_day=2026-03-30").text
    assert 'value="2026-03-31"' in page
    assert 'role="alert">The period ends before it begins' in page
    assert "Nobody worked" not in page


def test_one_day_is_a_period(admin: Browser) -> None:
    assert admin.get("/people/pay?first_day=2026-03-31&last_day=2026-03-31").status_code == 200


def test_sums_have_the_digits_of_their_currency(admin: Browser, db: Session) -> None:
    ada, rates = make_person(db), {"JPY": 1250.5, "KWD": 3, "USD": 10000}
    for currency, rate in rates.items():
        judge(db, make_pool(db, slug=currency.lower(), hourly_rate=rate, currency=currency), ada, seconds=90)
    db.commit()
    # 90 s are 0.025 hours: 31.2625 yen, 0.075 dinars, 250 dollars
    page = admin.get("/people/pay").text
    for said in ("31 JPY", "1,250.50 JPY", "0.075 KWD", "3.000 KWD", "250.00 USD", "10,000.00 USD"):
        assert said in page
    rows = [row.split(",")[-3:] for row in admin.get("/people/pay.csv").text.splitlines()[1:]]
    assert rows == [["1250.50", "31", "JPY"], ["3.000", "0.075", "KWD"], ["10000.00", "250.00", "USD"]]
    assert totals(payroll(db)) == {"JPY": 31, "KWD": 0.075, "USD": 250}
    assert "0.075 KWD" in admin.get(f"/people/{ada.id}").text
