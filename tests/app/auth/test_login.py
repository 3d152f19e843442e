"""/login and /logout."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.auth.routes import page_here
from app.domain.logins import token_hash
from app.main import create_app
from app.models import LoginSession, Person
from app.models.person import Role
from app.settings import Settings
from tests.app.conftest import Browser
from tests.factories import make_person


def test_a_page_that_needs_a_login_is_found_again_after_it(anonymous: Browser, admin: Browser) -> None:
    to_login = anonymous.get("/people?sort=role&x=%2F")
    assert to_login.status_code == 303
    assert to_login.headers["location"] == "/login?next=/people%3Fsort%3Drole%26x%3D%252F"
    page = anonymous.get(to_login.headers["location"])
    assert 'name="next" value="/people?sort=role&amp;x=%2F"' in page.text
    logged_in = anonymous.log_in(admin.email, next="/people?sort=role&x=%2F")
    assert (logged_in.status_code, logged_in.headers["location"]) == (303, "/people?sort=role&x=%2F")


def test_htmx_is_told_to_leave_the_page_for_the_login(anonymous: Browser) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/annotate?study=a"}
    refused = anonymous.get("/people", headers=headers)
    assert refused.status_code == 401
    assert refused.headers["hx-redirect"] == "/login?next=/annotate%3Fstudy%3Da"


def test_a_page_that_cannot_be_read_is_no_way_back(anonymous: Browser) -> None:
    refused = anonymous.get("/people", headers={"HX-Request": "true", "HX-Current-URL": "http://["})
    assert (refused.status_code, refused.headers["hx-redirect"]) == (401, "/login")


def test_a_form_sent_after_the_session_ended_leads_to_the_login_without_a_way_back(anonymous: Browser) -> None:
    refused = anonymous.submit("/people/invite", email="a@b.example", role="admin")
    assert (refused.status_code, refused.headers["location"]) == (303, "/login")


@pytest.mark.parametrize(
    ("wanted", "led_to"),
    [
        ("/studies/a?page=2", "/studies/a?page=2"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/\t/evil.example", "/"),
        ("//[", "/"),
        ("/[?x=//[", "/[?x=//["),
        ("studies", "/"),
        ("", "/"),
    ],
)
def test_a_login_leads_only_to_pages_of_this_site(wanted: str, led_to: str) -> None:
    assert page_here(wanted) == led_to


def test_whoever_is_logged_in_does_not_see_the_login_page(admin: Browser) -> None:
    page = admin.get("/login?next=/people")
    assert (page.status_code, page.headers["location"]) == (303, "/people")


def test_the_address_may_be_typed_in_capitals_and_with_spaces(anonymous: Browser, admin: Browser) -> None:
    assert anonymous.log_in(f"  {admin.email.upper()} ").status_code == 303


@pytest.mark.parametrize("email", ["{known}", "nobody@lab.example"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    anonymous: Browser, admin: Browser, email: str
) -> None:
    refused = anonymous.log_in(email.format(known=admin.email), "five words nobody guesses")
    assert refused.status_code == 401
    assert "The e-mail address or the password is wrong." in refused.text
    assert "toprank" in anonymous.cookies
    assert anonymous.get("/people").status_code == 303


def test_what_was_typed_is_escaped(anonymous: Browser) -> None:
    refused = anonymous.log_in('"><script>alert(1)</script>', "whatever it may be")
    assert "<script>alert" not in refused.text


def test_an_unknown_address_takes_as_long_as_a_wrong_password(anonymous: Browser, admin: Browser) -> None:
    def seconds(email: str) -> float:
        started = time.process_time()
        anonymous.log_in(email, "five words nobody guesses")
        return time.process_time() - started

    known, unknown = (min(seconds(email) for _ in range(4)) for email in (admin.email, "nobody@lab.example"))
    # both are dominated by one argon2 hash of about 20 ms; without it a refusal takes a few ms
    assert 0.5 < known / unknown < 2


def test_a_disabled_account_cannot_log_in(anonymous: Browser, annotator: Browser, db: Session) -> None:
    db.execute(update(Person).where(Person.email == annotator.email).values(disabled_at=datetime.now(UTC)))
    db.commit()
    assert anonymous.log_in(annotator.email).status_code == 401


def test_an_account_without_a_password_cannot_log_in(anonymous: Browser, db: Session) -> None:
    person = make_person(db)
    db.commit()
    assert anonymous.log_in(person.email, "None").status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(anonymous: Browser, admin: Browser) -> None:
    cookie = anonymous.log_in(admin.email).headers["set-cookie"]
    token, *attributes = cookie.split("; ")
    assert token.startswith("toprank=")
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=43200"} <= set(attributes)
    assert "Secure" not in attributes  # plain http here


def test_on_https_the_cookie_is_bound_to_the_host(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"secure_cookies": True}))
    cookie = Browser(app).get("/login").headers["set-cookie"]
    app.state.resources.close()
    assert cookie.startswith("__Host-toprank=")
    assert "Secure" in cookie.split("; ")
    assert "Domain" not in cookie


def test_a_login_gives_a_new_token_and_stores_only_its_hash(anonymous: Browser, admin: Browser, db: Session) -> None:
    before = anonymous.cookie
    anonymous.log_in(admin.email)
    first = anonymous.cookie
    anonymous.log_in(admin.email)
    second = anonymous.cookie
    assert len({before, first, second}) == 3
    # 32 random bytes are 43 characters of base64
    assert len(second) == 43
    hashes = set(db.scalars(select(LoginSession.token_hash)))
    assert hashes == {token_hash(admin.cookie), token_hash(second)}  # the first ended at the second login


def test_logging_out_kills_the_session_and_takes_the_cookie(admin: Browser) -> None:
    token = admin.cookie
    gone = admin.submit("/logout")
    assert (gone.status_code, gone.headers["location"]) == (303, "/login")
    assert "toprank" not in admin.cookies
    admin.cookies.set("toprank", token)
    assert admin.get("/people").status_code == 303


def test_logging_out_twice_does_no_harm(admin: Browser) -> None:
    admin.submit("/logout")
    assert admin.submit("/logout").status_code == 303


def test_unknown_fields_are_refused(anonymous: Browser, admin: Browser) -> None:
    refused = anonymous.log_in(admin.email, is_admin="yes")
    assert refused.status_code == 422
    assert "is_admin" in refused.text


def test_an_endless_password_is_refused_before_it_is_hashed(anonymous: Browser, admin: Browser) -> None:
    assert anonymous.log_in(admin.email, "x" * 1025).status_code == 422


def test_everybody_starts_on_their_own_page(browser: Callable[[Role], Browser]) -> None:
    starts = {role: browser(role).get("/").headers["location"] for role in Role}
    assert starts == {Role.ANNOTATOR: "/annotate", Role.RESEARCHER: "/studies", Role.ADMIN: "/people"}


def test_an_unknown_visitor_is_still_a_visitor(app: FastAPI) -> None:
    browser = Browser(app)
    browser.cookies.set("toprank", "made-up")
    assert browser.get("/people").headers["location"] == "/login?next=/people"
