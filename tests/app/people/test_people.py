"""/people: the admins' list."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.auth.accounts import create_person, find_account
from app.auth.api_tokens import create_api_token
from app.models import ApiToken
from app.models.person import Role, TokenScope
from tests.app.conftest import ORIGIN, Browser
from tests.factories import make_person


def person_id(db: Session, email: str) -> int:
    person = find_account(db, email)
    assert person is not None
    return person.id


def test_the_list_tells_who_is_active_invited_and_disabled(admin: Browser, annotator: Browser, db: Session) -> None:
    admin.submit("/people/invite", email="new@lab.example", role="researcher")
    admin.submit(f"/people/{person_id(db, annotator.email)}/disable")
    page = admin.get("/people").text
    assert re.findall(
        r'<th scope="row"><a [^>]*>(.*?)</a></th>.*?<span class="badge.*?">(\w+)</span>', page, re.DOTALL
    ) == [
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
    for nobody in ("0", "-1", str(2**63)):
        answers = [admin.submit(f"/people/{nobody}/{deed}") for deed in ("link", "disable", "enable")]
        answers += [admin.submit(f"/people/{nobody}/role", role="admin"), admin.get(f"/people/{nobody}")]
        answers.append(admin.submit(f"/people/{nobody}/erase", confirmation="x"))
        assert [answer.status_code for answer in answers] == [404] * 6


def test_a_role_is_changed_on_the_persons_page_and_on_record(admin: Browser, annotator: Browser, db: Session) -> None:
    here = f"/people/{person_id(db, annotator.email)}"
    assert annotator.get("/studies").status_code == 403
    assert admin.submit(f"{here}/role", role="researcher").headers["location"] == here
    assert annotator.get("/studies").status_code == 200
    page = admin.get(here).text
    assert '<option value="researcher" selected>' in page
    assert "person.change_role" in admin.get("/audit?action=person").text


def test_ones_own_role_and_identity_are_for_another_admin(admin: Browser, db: Session) -> None:
    here = f"/people/{person_id(db, admin.email)}"
    assert "This is you" in admin.get(here).text
    assert admin.submit(f"{here}/role", role="annotator").status_code == 409
    assert admin.submit(f"{here}/erase", confirmation=admin.email).status_code == 409
    assert admin.get("/people").status_code == 200


def test_disabling_ends_every_session_at_once(admin: Browser, annotator: Browser, db: Session) -> None:
    here = f"/people/{person_id(db, annotator.email)}"
    assert annotator.get("/me").status_code == 200
    admin.submit(f"{here}/disable")
    assert annotator.get("/me").status_code == 303
    assert admin.submit(f"{here}/link").status_code == 409  # which would let nobody in
    admin.submit(f"{here}/enable")
    assert annotator.get("/me").status_code == 303
    assert annotator.log_in(annotator.email).status_code == 303


def test_a_list_is_invited_by_links_that_work(admin: Browser, annotator: Browser, anonymous: Browser) -> None:
    people = f"email,role\r\nada@lab.example\r\nbob@lab.example;researcher\r\n\r\n{annotator.email}\r\n"
    page = admin.submit("/people/invite-list", people=people, role="annotator").text
    assert "2 links to send" in page
    links = re.findall(rf"<code>({ORIGIN}/invite/[\w-]+)</code>", page)
    assert ["ada@lab.example" in anonymous.get(links[0]).text, "researcher" in anonymous.get(links[1]).text] == [
        True
    ] * 2
    assert "has an account already" in page
    assert f"bob@lab.example,researcher,{links[1]}" in page


def test_a_list_with_a_wrong_line_invites_nobody(admin: Browser) -> None:
    page = admin.submit("/people/invite-list", people="ada@lab.example\nbob\ncy@lab.example,root", role="annotator")
    assert page.status_code == 400
    assert "line 2" in page.text
    assert "line 3" in page.text
    assert "ada@lab.example" not in admin.get("/people").text


def test_an_identity_is_erased_when_the_address_is_typed_again(admin: Browser, annotator: Browser, db: Session) -> None:
    here = f"/people/{person_id(db, annotator.email)}"
    assert admin.submit(f"{here}/erase", confirmation="somebody@else.example").status_code == 409
    assert annotator.get("/me").status_code == 200
    assert admin.submit(f"{here}/erase", confirmation=annotator.email).status_code == 303
    assert annotator.get("/me").status_code == 303
    for page in (here, "/people", "/audit"):
        assert annotator.email not in admin.get(page).text
    for deed in ("link", "enable"):
        assert admin.submit(f"{here}/{deed}").status_code == 409
    assert admin.submit(f"{here}/erase", confirmation=annotator.email).status_code == 409


def test_whoever_erases_sees_first_which_texts_name_the_person(admin: Browser, annotator: Browser, db: Session) -> None:
    ada = create_person(db, email="ada.lovelace@lab.example", role=Role.RESEARCHER)
    for name in ("Ada Lovelace's laptop", "for <Ada>", "Canada"):
        create_api_token(db, make_person(db, role=Role.RESEARCHER), [TokenScope.READ], name=name)
    db.commit()
    here = f"/people/{ada.id}"
    assert f'href="{here}/erase"' in admin.get(here).text
    page = admin.get(f"{here}/erase").text  # with the names that the address suggests
    assert ">ada.lovelace\nada lovelace</textarea>" in page
    assert ("Ada Lovelace&#39;s laptop" in page, "for &lt;Ada&gt;" in page) == (True, False)
    page = admin.submit(f"{here}/mentions", names="Ada\r\nAda Lovelace").text
    assert ("Ada Lovelace&#39;s laptop" in page, "for &lt;Ada&gt;" in page, "Canada" in page) == (True, True, False)
    assert admin.submit(f"{here}/mentions", names="A").status_code == 400
    assert admin.submit(f"{here}/erase", names="Ada\r\nAda Lovelace", confirmation=ada.email).status_code == 303
    db.commit()
    assert set(db.scalars(select(ApiToken.name))) == {"[erased]'s laptop", "for <[erased]>", "Canada"}
    assert "was erased before" in admin.get(f"{here}/erase").text
