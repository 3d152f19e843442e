"""The documented nginx before two web processes: who asks, what is sent and what is answered come through whole."""

import asyncio
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from app.auth.accounts import create_person
from app.auth.api_tokens import create_api_token
from app.models import Checkpoint, LoginAttempt
from app.models.person import Role, TokenScope
from app.settings import Settings
from benchmarks.judged import make_judged_study
from benchmarks.pool import make_pool
from tests.faults.proxy import Proxied
from tests.faults.test_kill import check_agreement
from tests.faults.writers import Writer
from tests.serving import SECRET
from tests.skips import needs_proxy

pytestmark = [pytest.mark.faults, needs_proxy]
PASSWORD = "four words nobody guesses"
COOKIE = "__Host-toprank"
DOWNLOADING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'toprank downloads' AND state = 'active'"


@pytest.fixture
def proxied(database_url: str, tmp_path: Path) -> Iterator[Proxied]:
    proxied = Proxied(tmp_path, database_url, tmp_path / "store")
    proxied.start()
    yield proxied
    proxied.close()


@pytest.fixture
def client(proxied: Proxied) -> Iterator[Callable[..., httpx2.Client]]:
    """Opens a client at an address of loopback's network, which nginx and the web processes tell from others."""
    opened = []

    def open_client(base: str = "", *, source: str = "127.0.0.2", **headers: str) -> httpx2.Client:
        trusted = ssl.create_default_context(cafile=proxied.certificate)
        transport = httpx2.HTTPTransport(local_address=source, verify=trusted)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        one = httpx2.Client(base_url=base or proxied.address, transport=transport, headers=sent, timeout=30)
        opened.append(one)
        return one

    yield open_client
    for one in opened:
        one.close()


def log_in(client: httpx2.Client, email: str, password: str = PASSWORD) -> httpx2.Response:
    found = re.search(r'name="csrf_token" value="(\w+)"', client.get("/login").text)
    assert found
    return client.post("/login", data={"csrf_token": found[1], "email": email, "password": password})


def make_admin(engine: Engine) -> str:
    with Session(engine) as session:
        email = create_person(session, email="admin@lab.example", role=Role.ADMIN, password=PASSWORD).email
        session.commit()
        return email


def test_people_are_on_https_and_known_by_their_own_address(
    proxied: Proxied, client: Callable[..., httpx2.Client], engine: Engine
) -> None:
    email = make_admin(engine)
    plain = client(f"http://localhost:{proxied.ports['80']}").get("/people?a=b")
    assert (plain.status_code, plain.headers["location"]) == (301, "https://localhost/people?a=b")
    page = client()
    logged_in = log_in(page, email)
    assert (logged_in.status_code, logged_in.headers["location"]) == (303, "/")
    assert logged_in.headers["set-cookie"].startswith(f"{COOKIE}=")
    assert "Secure" in logged_in.headers["set-cookie"]
    assert "max-age" in logged_in.headers["strict-transport-security"]
    form = re.search(r'name="csrf_token" value="(\w+)"', page.get("/people").text)
    assert form
    invited = page.post("/people/invite", data={"csrf_token": form[1], "email": "new@lab.example", "role": "annotator"})
    link = re.search(rf"{re.escape(proxied.address)}/invite/[\w-]+", invited.text)
    assert link, invited.text
    assert client().get(link[0]).status_code == 200
    assert "/invite/" not in (proxied.folder / "access.log").read_text().replace("/people/invite", "")
    assert page.get("/metrics").status_code == 404


def test_what_a_client_says_of_its_address_is_believed_from_the_proxy_alone(
    proxied: Proxied, client: Callable[..., httpx2.Client], engine: Engine
) -> None:
    email = make_admin(engine)
    direct = f"http://127.0.0.1:{proxied.ports['8001']}"
    for base, source in (("", "127.0.0.2"), (direct, "127.0.0.3")):
        spoofing = client(base, source=source, X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https")
        cookie = re.search(rf"{COOKIE}=([\w-]+)", spoofing.get("/login").headers["set-cookie"])
        assert cookie
        spoofing.cookies.clear()
        spoofing.headers["Cookie"] = f"{COOKIE}={cookie[1]}"  # of which a client would send none over plain http
        assert log_in(spoofing, email, "a wrong password").status_code == 401
    with Session(engine) as session:
        assert set(session.scalars(select(LoginAttempt.address))) == {"127.0.0.2", "127.0.0.3"}
        session.add_all(LoginAttempt(account="x", address="127.0.0.2") for _ in range(10))
        session.commit()
    assert log_in(client(source="127.0.0.2"), email).status_code == 429
    assert log_in(client(source="127.0.0.4"), email).status_code == 303


def test_an_upload_of_several_parts_arrives_and_the_proxy_keeps_none_of_it(
    proxied: Proxied, engine: Engine, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "large")
    with Session(engine) as session:
        owner = create_person(session, email="res@lab.example", role=Role.RESEARCHER, password=PASSWORD)
        token = create_api_token(session, owner, [TokenScope.UPLOAD])
        session.commit()
    header = b'{"a":{"dtype":"F32","shape":[20000000],"data_offsets":[0,80000000]}}'
    with (folder / "model.safetensors").open("wb") as weights:
        weights.write(len(header).to_bytes(8, "little") + header)
        for _ in range(80):
            weights.write(os.urandom(1_000_000))
    command = [sys.executable, "-m", "cli.main", "checkpoint", "upload", "large", str(folder)]
    environment = os.environ | {"SSL_CERT_FILE": str(proxied.certificate), "TOPRANK_TOKEN": token}
    sent = subprocess.run(
        [*command, "--server", proxied.address],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert sent.returncode == 0, sent.stderr
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Checkpoint)) == 1
    assert "buffered to a temporary file" not in (proxied.folder / "error.log").read_text()


def test_an_export_begins_while_it_is_made_and_waits_for_its_reader(
    client: Callable[..., httpx2.Client], engine: Engine
) -> None:
    make_judged_study(engine, annotations=20_000, slug="judged")
    with Session(engine) as session:
        owner = create_person(session, email="res@lab.example", role=Role.RESEARCHER, password=PASSWORD)
        token = create_api_token(session, owner, [TokenScope.READ])
        session.commit()
    reader = client(Authorization=f"Bearer {token}")
    with reader.stream("GET", "/api/v1/studies/judged/export", params={"texts": "true"}) as answer:
        pieces = answer.iter_raw()
        size = len(next(pieces))
        time.sleep(3)  # in which all of it could be made
        with engine.connect() as connection:  # some 40 MB, of which a proxy that buffers would take all
            assert connection.execute(text(DOWNLOADING)).scalar_one() == 1
        size += sum(map(len, pieces))
    assert answer.status_code == 200
    assert size > 30_000_000


class SecureWriter(Writer):
    """A writer over https."""

    def __init__(self, proxied: Proxied, token: str) -> None:
        super().__init__(proxied.address, token)
        secure = ssl.create_default_context(cafile=proxied.certificate)
        self.http = httpx2.AsyncClient(
            base_url=proxied.address,
            cookies={COOKIE: token},
            headers=dict(self.http.headers),
            timeout=60,
            verify=secure,
        )


def test_web_processes_restarted_one_after_the_other_lose_nothing(proxied: Proxied, engine: Engine) -> None:
    settings = Settings(database_url=proxied.database_url, secret_key=SecretStr(SECRET))
    pool = make_pool(engine, settings, comparisons=2_000, annotators=4)

    async def judge() -> list[SecureWriter]:
        async with AsyncExitStack() as stack:
            writers = [await stack.enter_async_context(SecureWriter(proxied, token)) for token in pool.tokens]
            stop = asyncio.Event()
            working = [asyncio.create_task(writer.work(pool.slug, stop)) for writer in writers]
            await asyncio.sleep(1)
            await asyncio.to_thread(proxied.restart_in_turn)
            await asyncio.sleep(1)
            stop.set()
            async with asyncio.timeout(60):
                await asyncio.gather(*working)
            return writers

    assert check_agreement(engine, asyncio.run(judge())) > 20
