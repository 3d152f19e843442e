"""A program that sends checkpoints, step by step, and a sound checkpoint small enough to be sent a hundred times."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy.orm import Session

from app.auth.api_tokens import create_api_token
from app.models import Person
from app.models.person import TokenScope
from tests.app.conftest import Browser
from tests.bad_folders import safetensors, tensor
from tests.tiny_model import tiny_tokenizer_json

PART = "application/offset+octet-stream"
API = "/api/v1"


def make_small_checkpoint(folder: Path) -> Path:
    """What passes the gate: a config, a tokenizer and one tensor of two numbers. No model can be made of it."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "vocab_size": 400}))
    (folder / "tokenizer.json").write_bytes(tiny_tokenizer_json())
    (folder / "model.safetensors").write_bytes(safetensors(f'{{"a":{tensor()}}}'.encode(), bytes(8)))
    return folder


def listing(folder: Path) -> list[dict[str, object]]:
    """What a sender announces of a folder."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [{"name": str(file.relative_to(folder)), "size": file.stat().st_size, "modified": 1} for file in files]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def checksum(content: bytes) -> str:
    """As tus wants it in a header."""
    return "sha256 " + base64.b64encode(hashlib.sha256(content).digest()).decode()


class Sender:
    """A person's program, with a token for uploads."""

    def __init__(self, app: FastAPI, db: Session, person: Person, scope: TokenScope = TokenScope.UPLOAD) -> None:
        token = create_api_token(db, person, [scope])
        db.commit()
        self.http = Browser(app)
        self.headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, **sent: Any) -> Response:
        headers = self.headers | sent.pop("headers", {})
        return self.http.request(method, API + path, headers=headers, **sent)

    def begin(self, files: list[dict[str, object]], name: str = "mine") -> Response:
        return self.ask("POST", "/uploads", json={"name": name, "files": files})

    def begun(self, folder: Path, name: str = "mine") -> dict[str, Any]:
        """An upload of the folder that was accepted."""
        answer = self.begin(listing(folder), name)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def patch(self, upload: str, number: int, content: bytes, offset: int = 0, **headers: str) -> Response:
        sent = {"Content-Type": PART, "Upload-Offset": str(offset), "Tus-Resumable": "1.0.0"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("PATCH", f"/uploads/{upload}/files/{number}", content=content, headers=sent)

    def offset(self, upload: str, number: int) -> int:
        answer = self.ask("HEAD", f"/uploads/{upload}/files/{number}")
        assert answer.status_code == 200
        return int(answer.headers["upload-offset"])

    def check(self, upload: str, number: int, digest: str) -> Response:
        return self.ask("POST", f"/uploads/{upload}/files/{number}/check", json={"sha256": digest})

    def finish(self, upload: str) -> Response:
        return self.ask("POST", f"/uploads/{upload}/finish")

    def send(self, folder: Path, begun: dict[str, Any]) -> None:
        """Every byte of every file, and their hashes."""
        for file in begun["files"]:
            content = (folder / file["name"]).read_bytes()
            left = content[file["received"] :]
            if left:
                answer = self.patch(begun["id"], file["number"], left, file["received"], Upload_Checksum=checksum(left))
                assert answer.status_code == 204, answer.text
            assert self.check(begun["id"], file["number"], sha256(content)).status_code == 204

    def upload(self, folder: Path, name: str = "mine") -> Response:
        """All of it; the answer is that of the end, or of the refusal at the beginning."""
        answer = self.begin(listing(folder), name)
        if answer.status_code != 201:
            return answer
        self.send(folder, answer.json())
        return self.finish(answer.json()["id"])
