"""Browsers for tests of pages: anonymous, or logged in by role, on an app with a database of its own."""

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.auth.accounts import create_person
from app.form_tokens import form_token
from app.main import create_app
from app.models.person import Role
from app.settings import Settings

SECRET = "a key for tests, forty characters long.."
PASSWORD = "four words nobody guesses"
ORIGIN = "http://testserver"


class Browser(TestClient):
    """Keeps cookies and stays on the page it gets; `submit` sends a form as a page of ours does."""

    email: str

    def __init__(self, app: FastAPI) -> None:
        super().__init__(app, base_url=ORIGIN, follow_redirects=False)

    @property
    def cookie(self) -> str:
        """The cookie's value; fetches one by opening the login page if there is none yet."""
        if "toprank" not in self.cookies:
            self.get("/login")
        return str(self.cookies["toprank"])

    @property
    def form_token(self) -> str:
        """What this browser's forms carry."""
        return form_token(SECRET.encode(), self.cookie)

    def submit(self, path: str, *, headers: dict[str, str] | None = None, **fields: object) -> Response:
        """POST a form with its token and the header that browsers add."""
        sent = {"csrf_token": self.form_token, **fields}
        return self.post(path, data=sent, headers={"Origin": ORIGIN, **(headers or {})})

    def log_in(self, email: str, password: str = PASSWORD, **fields: object) -> Response:
        """Fill in the login form."""
        self.email = email
        return self.submit("/login", email=email, password=password, **fields)


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Plain http, a key, and the test's own database."""
    return Settings(database_url=database_url, secret_key=SECRET, secure_cookies=False, pool_size=5)


@pytest.fixture
def app(settings: Settings) -> Iterator[FastAPI]:
    """The web app."""
    app = create_app(settings)
    yield app
    app.state.resources.close()


@pytest.fixture
def db(app: FastAPI) -> Iterator[Session]:
    """A session on the app's database, for arranging (commit it) and for looking (each commit looks afresh)."""
    with app.state.resources.requests.sessions() as session:
        yield session


@pytest.fixture
def browser(app: FastAPI) -> Callable[[Role], Browser]:
    """Opens another browser, logged in as a new person of this role, as often as called."""
    count = iter(range(1, 1000))

    def open_browser(role: Role) -> Browser:
        email = f"{role}{next(count)}@lab.example"
        with app.state.resources.requests.sessions.begin() as session:
            create_person(session, email=email, role=role, password=PASSWORD)
        opened = Browser(app)
        assert opened.log_in(email).status_code == 303
        return opened

    return open_browser


@pytest.fixture
def anonymous(app: FastAPI) -> Browser:
    """A browser without a login."""
    return Browser(app)


@pytest.fixture
def annotator(browser: Callable[[Role], Browser]) -> Browser:
    """A browser logged in as an annotator."""
    return browser(Role.ANNOTATOR)


@pytest.fixture
def researcher(browser: Callable[[Role], Browser]) -> Browser:
    """A browser logged in as a researcher."""
    return browser(Role.RESEARCHER)


@pytest.fixture
def admin(browser: Callable[[Role], Browser]) -> Browser:
    """A browser logged in as an admin."""
    return browser(Role.ADMIN)
