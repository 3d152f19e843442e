"""How fast a checkpoint is uploaded at loopback, beside `cp` of the same bytes, and what the server's memory does.

python -m benchmarks.upload --json --size 5
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy.orm import Session

from app import embedded_postgres, migrate
from app.auth.accounts import create_person
from app.auth.api_tokens import create_api_token
from app.db import make_engine
from app.models.person import Role, TokenScope
from benchmarks.cpu import tree_cpu_seconds
from benchmarks.served import served
from generation.transfer.sending import announce, files_in, send
from generation.transfer.server import Server

SHARDS = 4
BLOCK = 2**20


def make_checkpoint(folder: Path, size: int) -> None:
    """Sound by its headers: shards of one tensor of random bytes each."""
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    of_shard, weight_map = size // SHARDS // BLOCK * BLOCK, {}
    block = os.urandom(BLOCK)
    for number in range(1, SHARDS + 1):
        name = f"model-{number:05}-of-{SHARDS:05}.safetensors"
        header = json.dumps(
            {f"t{number}": {"dtype": "U8", "shape": [of_shard], "data_offsets": [0, of_shard]}}
        ).encode()
        with (folder / name).open("wb") as stream:
            stream.write(len(header).to_bytes(8, "little") + header)
            for step in range(of_shard // BLOCK):
                stream.write(step.to_bytes(8, "little") + block[8:])
        weight_map[f"t{number}"] = name
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def peak_rss(pid: int) -> int:
    """The most memory that a process ever had (bytes), its children not counted: the server is one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM")


def copied(folder: Path, target: Path) -> float:
    """Seconds that `cp` takes, with the bytes on disk at the end, as they are after an upload."""
    began = time.perf_counter()
    subprocess.run(["cp", "-r", folder, target], check=True)
    subprocess.run(["sync", *target.iterdir()], check=True)
    return time.perf_counter() - began


def measure(size: int, room: Path) -> dict[str, float]:
    """Both, in one run."""
    folder = room / "made"
    make_checkpoint(folder, size)
    url = embedded_postgres.start(room / "data")
    try:
        migrate.upgrade(url)
        engine = make_engine(url, pool_size=1)
        with Session(engine) as session:
            person = create_person(session, email="bench@lab.example", role=Role.RESEARCHER, password=None)
            token = create_api_token(session, person, [TokenScope.UPLOAD])
            session.commit()
        engine.dispose()
        os.environ |= {"TOPRANK_STORE": str(room / "store"), "TOPRANK_UPLOAD_MARGIN_GB": "0"}
        seconds_cp = copied(folder, room / "copy")
        shutil.rmtree(room / "copy")
        with served(url, processes=1) as server, Server(f"http://127.0.0.1:{server.port}", token) as asked:
            asked.wanted("GET", "/openapi.json")
            rss, cpu, began = peak_rss(server.pid), tree_cpu_seconds(server.pid), time.perf_counter()
            files = files_in(folder)
            upload = announce(asked, "bench", files)
            send(asked, upload, files, parallel=SHARDS, report=lambda _name, _received: None)
            seconds = time.perf_counter() - began
            grown, cpu = peak_rss(server.pid) - rss, tree_cpu_seconds(server.pid) - cpu
    finally:
        embedded_postgres.remove(room / "data")
    megabytes = size / 1e6
    return {
        "size_gb": round(size / 1e9, 2),
        "upload_mb_per_s": round(megabytes / seconds, 1),
        "cp_mb_per_s": round(megabytes / seconds_cp, 1),
        "upload_against_cp": round(seconds_cp / seconds, 3),
        "server_cpu_s": round(cpu, 2),
        "server_rss_growth_mb": round(grown / 1e6, 1),
    }


def main() -> None:
    """Print one JSON object, or lines for people."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--size", type=float, default=1, help="GB of weights; three times as much is needed on disk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        found = measure(int(options.size * 1e9), Path(room))
    if options.json:
        json.dump(found, sys.stdout, indent=2)
        print()
    else:
        print("\n".join(f"{name:24} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
