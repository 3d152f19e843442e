"""/people: the admins' list."""

import re

from sqlalchemy.orm import Session

from app.auth.accounts import find_account
from tests.app.conftest import ORIGIN, Browser


def person_id(db: Session, email: str) -> int:
    person = find_account(db, email)
    assert person is not None
    return person.id


def test_the_list_tells_who_is_active_invited_and_disabled(admin: Browser, annotator: Browser, db: Session) -> None:
    admin.submit("/people/invite", email="new@lab.example", role="researcher")
    admin.submit(f"/people/{person_id(db, annotator.email)}/disable")
    page = admin.get("/people").text
    assert re.findall(r'<th scope="row">(.*?)</th>.*?<span class="badge.*?">(\w+)</span>', page, re.DOTALL) == [
        (admin.email, "active"),
        (annotator.email, "disabled"),
        ("new@lab.example", "invited"),
    ]


def test_an_invitation_shows_a_link_that_works(admin: Browser, anonymous: Browser) -> None:
    page = admin.submit("/people/invite", email="new@lab.example", role="annotator")
    assert page.status_code == 200
    link = re.search(rf'value="({ORIGIN}/invite/[\w-]+)"', page.text)
    assert link
    assert "new@lab.example" in anonymous.get(link[1]).text


def test_a_new_link_can_be_made_for_somebody_who_lost_the_password(
    admin: Browser, annotator: Browser, db: Session
) -> None:
    page = admin.submit(f"/people/{person_id(db, annotator.email)}/link")
    assert f"{ORIGIN}/invite/" in page.text


def test_inviting_somebody_who_is_there_says_so(admin: Browser, annotator: Browser) -> None:
    page = admin.submit("/people/invite", email=annotator.email, role="annotator")
    assert page.status_code == 409
    assert "has an account already" in page.text


def test_an_unknown_role_is_refused(admin: Browser) -> None:
    page = admin.submit("/people/invite", email="new@lab.example", role="root")
    assert page.status_code == 422
    assert "role:" in page.text


def test_admins_cannot_shut_themselves_out(admin: Browser, db: Session) -> None:
    assert admin.submit(f"/people/{person_id(db, admin.email)}/disable").status_code == 409
    assert admin.get("/people").status_code == 200


def test_a_person_who_is_not_there_is_not_found(admin: Browser) -> None:
    assert [admin.submit(f"/people/0/{deed}").status_code for deed in ("link", "disable", "enable")] == [404] * 3
