"""The containers' files: what compose and Docker would refuse, and what the images must and must not hold."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, text

from worker.health import is_worker_alive

ROOT = Path(__file__).parents[1]
FILES = ["docker-compose.yml", "docker/docker-compose.gpu.yml"]


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, object]]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "docker" / "Dockerfile").read_text()


@pytest.mark.parametrize("file", FILES)
def test_compose_files_keep_to_the_compose_specification(file: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_services_are_those_of_the_documentation(services: dict[str, dict[str, object]]) -> None:
    assert set(services) == {"db", "migrate", "app", "worker"}
    assert services["app"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["db"]["healthcheck"]


def test_every_target_that_is_built_exists_and_is_checked(
    services: dict[str, dict[str, object]], dockerfile: str
) -> None:
    parts = re.split(r"^FROM .* AS ", dockerfile, flags=re.MULTILINE)[1:]
    stages = {part.partition("\n")[0]: part for part in parts}
    targets = {service["build"]["target"] for service in services.values() if "build" in service}
    assert targets == {"app", "worker"}
    assert all("HEALTHCHECK" in stages[target] and "USER toprank" in stages[target] for target in targets)


def test_the_app_image_holds_no_torch(dockerfile: str) -> None:
    app = re.split(r"^FROM .* AS ", dockerfile, flags=re.MULTILINE)[2]
    assert app.startswith("app")
    assert "'.[web,analysis]'" in app
    assert "torch" not in app


def test_every_folder_that_is_copied_exists_and_every_package_is_copied(dockerfile: str) -> None:
    copied = re.findall(r"^COPY (\w+) \1$", dockerfile, flags=re.MULTILINE)
    assert all((ROOT / name).is_dir() for name in copied)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks", "tests"}
    assert packages <= set(copied)


def test_no_secret_has_a_default() -> None:
    text_of = (ROOT / "docker-compose.yml").read_text()
    for name in ("POSTGRES_PASSWORD", "TOPRANK_SECRET_KEY"):
        assert set(re.findall(rf"\$\{{{name}(.*?)\}}", text_of)) == {":?set it in .env"}


def test_a_worker_is_alive_while_its_heartbeat_is_young(engine: Engine) -> None:
    assert not is_worker_alive(engine)
    add = "INSERT INTO procrastinate.procrastinate_workers (last_heartbeat) VALUES (now() - interval '{} seconds')"
    with engine.begin() as connection:
        connection.execute(text(add.format(61)))
    assert not is_worker_alive(engine)
    with engine.begin() as connection:
        connection.execute(text(add.format(20)))
    assert is_worker_alive(engine)
