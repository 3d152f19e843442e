"""The web app on a real socket, and annotators who talk to it as browsers do."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import uvicorn
from sqlalchemy.orm import Session

from app.auth.sessions import start_session
from app.form_tokens import form_token
from app.main import create_app
from app.models import Person
from app.settings import Settings

SECRET = "only-for-tests-0123456789-abcdefghij"
CLAIM = re.compile(r'<article class="pair" data-claim="([0-9a-f-]{36})"')
NOTHING_LEFT = re.compile(r'data-standing="(\w+)"')


def settings_for(database_url: str, data_dir: Path, **values: object) -> Settings:
    """Settings of an app on plain http at loopback."""
    return Settings.model_validate(
        {"database_url": database_url, "data_dir": data_dir, "secret_key": SECRET, "secure_cookies": False} | values
    )


@contextmanager
def serve(settings: Settings) -> Iterator[str]:
    """Run the app in a thread on a free port; yields its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        config = uvicorn.Config(create_app(settings), log_level="warning", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=20)


def log_in(session: Session, person: Person, settings: Settings) -> str:
    """A session token as the login page would have set it; many logins at once would only measure argon2."""
    return start_session(session, person, lifetime=settings.session_lifetime)


@dataclass
class AnnotatorClient:
    """One annotator's browser, without its pictures: reads a claim from the page and posts verdicts."""

    address: str
    token: str
    acknowledged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = httpx2.AsyncClient(
            base_url=self.address,
            cookies={"toprank": self.token},
            headers={
                "HX-Request": "true",
                "Origin": self.address,
                "X-CSRF-Token": form_token(SECRET.encode(), self.token),
            },
            timeout=60,
        )

    async def __aenter__(self) -> "AnnotatorClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def open(self, study: str) -> str | None:
        """The claim on the page; None when nothing is left."""
        return self._claim_of(await self.http.get("/annotate", params={"study": study}))

    async def judge(self, claim: str, verdict: str) -> str | None:
        """Post a verdict; returns the next claim."""
        response = await self.http.post("/annotate", data={"claim": claim, "verdict": verdict, "duration_ms": "1"})
        following = self._claim_of(response)
        self.acknowledged.append(claim)
        return following

    @staticmethod
    def _claim_of(response: httpx2.Response) -> str | None:
        assert response.status_code == 200, response.text
        found = CLAIM.search(response.text)
        assert found or NOTHING_LEFT.search(response.text), response.text
        return found[1] if found else None
