"""How long a worker takes for a study with three systems: of one checkpoint, which it loads once, and of three.

From the start of `toprank worker` to the last continuation of a greedy system, one that samples and one that blocks
citations. The three checkpoints are the same weights in folders of their own. Rounds alternate.

    python -m benchmarks.loading --json
    python -m benchmarks.loading --json --engine vllm --worker .venv-vllm/bin/python
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app import embedded_postgres, migrate
from app.db import make_engine
from app.models import System
from app.models.system import GenerationState
from app.settings import Settings
from cli.main import app
from generation import smollm2

TEXTS = Path(__file__).parents[1] / "demo" / "texts"
SYSTEMS: dict[str, list[object]] = {
    "greedy": ["--decoding", "greedy"],
    "nucleus": ["--decoding", "nucleus"],
    "blocked": ["--decoding", "greedy", "--block-citations", "--training-set", TEXTS / "training.jsonl"],
}


def toprank(*arguments: object) -> None:
    """A command, which has to succeed."""
    CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)


def make_study(room: Path, checkpoint: Path, *, engine: str, passages: int, apart: bool) -> None:
    """The systems, queued; `apart`, each with a folder of the checkpoint for itself."""
    lines = (TEXTS / "fiction.jsonl").read_text(encoding="utf-8").splitlines()[:passages]
    (room / "texts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    toprank("study", "create", "loading", "--tokenizer", checkpoint, "--dataset", "fiction")
    toprank("passages", "import", "loading", "--dataset", "fiction", room / "texts.jsonl", "--accept")
    for name, options in SYSTEMS.items():
        folder = room / (name if apart else "shared")
        if not folder.exists():
            folder.mkdir()
            for file in checkpoint.iterdir():
                (folder / file.name).symlink_to(file)
            toprank("checkpoint", "add", folder.name, folder)
        toprank("system", "add", "loading", name, "--checkpoint", folder.name, *options)
    toprank("study", "open", "loading")
    toprank("generate", "loading", "--engine", engine)


def measure(checkpoint: Path, *, engine: str, passages: int, apart: bool, worker: str) -> dict[str, float]:
    """Seconds until everything is written, and how often the worker loaded a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        url = os.environ["DATABASE_URL"] = embedded_postgres.start(room / "data")
        try:
            migrate.upgrade(url)
            make_study(room, checkpoint, engine=engine, passages=passages, apart=apart)
            began = time.monotonic()
            with (room / "log").open("w") as log:
                process = subprocess.Popen([worker, "-m", "cli.main", "worker"], stdout=log, stderr=log)
                try:
                    _wait(url, room / "log")
                finally:
                    process.kill()
                    process.wait()
            seconds = time.monotonic() - began
            loads = (room / "log").read_text().count("loads the checkpoint")
        finally:
            embedded_postgres.remove(room / "data")
    return {"seconds": round(seconds, 1), "loads": loads}


def _wait(url: str, log: Path) -> None:
    engine = make_engine(url, pool_size=1)
    try:
        while True:
            with Session(engine) as session:
                states = set(session.scalars(select(System.state)))
            if states == {GenerationState.DONE}:
                return
            if GenerationState.FAILED in states:
                raise SystemExit(log.read_text())
            time.sleep(0.1)
    finally:
        engine.dispose()


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON (there is no other form)")
    parser.add_argument("--engine", choices=["transformers", "vllm"], default="transformers")
    parser.add_argument("--worker", default=sys.executable, help="the worker's Python")
    parser.add_argument("--passages", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    checkpoint = smollm2.prepare(Settings().cache_dir)
    found: dict[str, list[dict[str, float]]] = {"one_checkpoint": [], "three_checkpoints": []}
    for _ in range(chosen.rounds):
        for name, apart in (("one_checkpoint", False), ("three_checkpoints", True)):
            figures = measure(
                checkpoint, engine=chosen.engine, passages=chosen.passages, apart=apart, worker=chosen.worker
            )
            found[name].append(figures)
    print(json.dumps({"engine": chosen.engine, "passages": chosen.passages, **found}, indent=2))


if __name__ == "__main__":
    main()
