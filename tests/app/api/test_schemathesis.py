"""Every route of the API, called by schemathesis with what its description allows and with what it does not.

All of its checks, for four kinds of programs: without a token, with one of somebody who is an annotator by now, with
a researcher's and with an admin's.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.auth.api_tokens import create_api_token
from app.models.person import Role, TokenScope
from app.settings import Settings
from tests.factories import make_person, make_pool
from tests.serving import serve, settings_for

HERE = Path(__file__).parent
# With a token that works, revoking it would be the end: there, test_tokens.py alone does that.
KEEP_TOKEN = ["--exclude-operation-id", "revoke_token"]
# Without a usable token every answer is the same.
RUNS = {
    None: ["--phases", "fuzzing", "--max-examples", "1", "--mode", "positive"],
    Role.ANNOTATOR: ["--phases", "fuzzing", "--max-examples", "1", "--mode", "positive"],
    Role.RESEARCHER: ["--phases", "fuzzing", "--max-examples", "5", *KEEP_TOKEN],
    Role.ADMIN: ["--phases", "fuzzing,stateful", "--max-examples", "2", *KEEP_TOKEN],
}
EVERYTHING = ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "50", *KEEP_TOKEN]


def token_of(engine: Engine, role: Role) -> str:
    with Session(engine) as session:
        person = make_person(session, role=Role.ADMIN)
        scopes = set(TokenScope) - (set() if role is Role.ADMIN else {TokenScope.ADMIN})
        token = create_api_token(session, person, scopes)
        person.role = role
        session.commit()
    return token


@pytest.mark.parametrize("role", RUNS)
def test_no_request_breaks_the_api_or_its_description(
    engine: Engine, database_url: str, tmp_path: Path, role: Role | None
) -> None:
    call_all(engine, settings_for(database_url, tmp_path), role, RUNS[role])


@pytest.mark.soak
@pytest.mark.parametrize("role", [Role.RESEARCHER, Role.ADMIN])
def test_no_request_of_very_many_does(engine: Engine, database_url: str, tmp_path: Path, role: Role) -> None:
    call_all(engine, settings_for(database_url, tmp_path), role, EVERYTHING)


def call_all(engine: Engine, settings: Settings, role: Role | None, options: list[str]) -> None:
    """Serve the app and let schemathesis loose on it."""
    with Session(engine) as session:
        make_pool(session, passages=2, slug="poems")
        session.commit()
    header = ["--header", f"Authorization: Bearer {token_of(engine, role)}"] if role else []
    with serve(settings) as address:
        config = ["--config-file", str(HERE / "schemathesis.toml")]
        command = ["-m", "schemathesis.cli", *config, "run", f"{address}/api/v1/openapi.json", "--checks", "all"]
        done = subprocess.run(
            [sys.executable, *command, "--no-color", *options, *header],
            capture_output=True,
            text=True,
            cwd=settings.data_dir,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)},
        )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
