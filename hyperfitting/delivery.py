"""What a worker trained on a machine without the web app's store goes there by the protocol that people use."""

import logging
from pathlib import Path

from app.domain.checkpoint_names import name_fault
from app.domain.store import STORED, move_to
from generation.transfer.fetching import Source, cached
from generation.transfer.sending import announce_trained, files_in, send
from generation.transfer.server import Server

LOG = logging.getLogger("toprank.hyperfitting")
LINES = 4


def deliver(home: Source, checkpoint_id: int, folder: Path, cache: Path) -> None:
    """Send a finished checkpoint, or go on with it; then it is in the cache, as if this worker had fetched it.

    Raises ServerError with the server's reason, UnavailableError when the server is away for minutes.
    """
    # A base may have had files beside its tokenizer's that no checkpoint needs.
    files = [file for file in files_in(folder) if name_fault(file.name) is None]
    sizes = {file.name: file.size for file in files}

    def report(name: str, received: int) -> None:
        if received == sizes[name]:
            LOG.info("%s: %d bytes are at %s.", name, received, home.address)

    with Server(home.address, home.token) as server:
        standing = send(server, announce_trained(server, checkpoint_id, files), files, parallel=LINES, report=report)
    move_to(folder, cached(standing["source"].removeprefix(STORED), cache))
