"""Send a folder as a checkpoint: several files at once, each from where the server has it already."""

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from app.domain.checkpoint_names import CITATION_INDEX
from app.errors import ToprankError
from generation.transfer.file_sender import LONG_S, FileSender, LocalFile, Report
from generation.transfer.server import Server, ServerError

BUSY, GONE = 423, 404
BUSY_S, POLL_S = 1.0, 2.0


def files_in(folder: Path) -> list[LocalFile]:
    """What a folder holds but hidden files. A link counts as the file it leads to, as in a hub's cache.

    Raises ToprankError for a folder that is none, and for what is no file.
    """
    if not folder.is_dir():
        raise ToprankError(f"There is no folder {folder}.")
    found: list[LocalFile] = []
    for path in sorted(folder.iterdir()):
        if path.name == CITATION_INDEX and path.is_dir():
            found.extend(_file(inner, f"{CITATION_INDEX}/{inner.name}") for inner in sorted(path.iterdir()))
        elif not path.name.startswith("."):
            found.append(_file(path, path.name))
    return found


def _file(path: Path, name: str) -> LocalFile:
    try:
        known = path.stat()
        is_plain = stat.S_ISREG(known.st_mode)
    except OSError:
        is_plain = False
    if not is_plain:
        raise ToprankError(f"{path} is no plain file; a checkpoint consists of plain files in one folder.")
    return LocalFile(name, path, known.st_size, int(known.st_mtime * 1000))


def announce(server: Server, name: str, files: list[LocalFile]) -> dict[str, Any]:
    """Say what is to come; the upload, with how much of each file is there. Raises ServerError."""
    upload: dict[str, Any] = server.wanted("POST", "/uploads", said={"name": name, "files": _listing(files)})
    return upload


def announce_trained(server: Server, checkpoint_id: int, files: list[LocalFile]) -> dict[str, Any]:
    """The same of a checkpoint that a worker was asked to train. Raises ServerError."""
    path = f"/checkpoints/{checkpoint_id}/uploads"
    upload: dict[str, Any] = server.wanted("POST", path, said={"files": _listing(files)})
    return upload


def _listing(files: list[LocalFile]) -> list[dict[str, object]]:
    return [{"name": file.name, "size": file.size, "modified": file.modified} for file in files]


def send(
    server: Server, upload: dict[str, Any], files: list[LocalFile], *, parallel: int, report: Report
) -> dict[str, Any]:
    """Send the files of an upload and finish it; returns where the checkpoint stands. Raises ServerError."""
    local = {file.name: file for file in files}
    with ThreadPoolExecutor(parallel) as threads, ExitStack() as giving_up:
        giving_up.callback(threads.shutdown, cancel_futures=True)
        giving_up.callback(server.stopping.set)
        senders = [FileSender(server, upload["id"], local[one["name"]], one, report) for one in upload["files"]]
        sent = [threads.submit(sender.send) for sender in senders]
        for one in sent:
            one.result()
        giving_up.pop_all()
    return _finish(server, upload)


def _finish(server: Server, upload: dict[str, Any]) -> dict[str, Any]:
    """Let the server look at all of it. One that did so already, and whose answer was lost, is asked how it ended."""
    answer = server.ask("POST", f"/uploads/{upload['id']}/finish", timeout_s=LONG_S)
    while answer.status == BUSY:
        time.sleep(BUSY_S)
        answer = server.ask("POST", f"/uploads/{upload['id']}/finish", timeout_s=LONG_S)
    if answer.status != GONE and answer.status >= 400:
        raise ServerError(answer.problem)
    standing: dict[str, Any] = server.wanted("GET", f"/checkpoints/{upload['checkpoint']}")
    if standing["state"] in ("refused", "uploading"):
        raise ServerError(standing["reason"] or "The upload was cancelled while it was sent. Send it again.")
    return standing


def wait_until_tried(server: Server, standing: dict[str, Any]) -> dict[str, Any]:
    """Where the checkpoint stands once a worker has tried it. Raises ServerError when it cannot be used."""
    while standing["state"] == "validating":
        time.sleep(POLL_S)
        standing = server.wanted("GET", f"/checkpoints/{standing['id']}")
    if standing["state"] != "ready":
        raise ServerError(f"The checkpoint is {standing['state']}: {standing['reason']}")
    return standing
