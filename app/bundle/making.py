"""A bundle while it is made: a zip in pieces, from one snapshot of the database, a manifest of hashes at its end."""

import hashlib
import json
import zipfile
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from app.bundle.contents import MANIFEST, manifest, study_files
from app.domain.sink import Sink
from app.models import Study

# Bundles of the same content at the same moment are the same file.
_DATE = (1980, 1, 1, 0, 0, 0)


def begin_snapshot(session: Session) -> None:
    """Let the session's transaction, which must not have begun yet, see one moment in all of its queries."""
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


class Bundle:
    """One bundle; what it came to stands in `facts`."""

    def __init__(self, study: Study, *, recruitment: str = "") -> None:
        self.study = study
        self.recruitment = recruitment
        self.facts: dict[str, Any] = {"complete": False}

    def pieces(self, session: Session) -> Iterator[bytes]:
        """The file, piece by piece; after `begin_snapshot`."""
        sink, digest, size = Sink(), hashlib.sha256(), 0
        for piece in self._zipped(session, sink):
            digest.update(piece)
            size += len(piece)
            yield piece
        self.facts = {"complete": True, "bytes": size, "sha256": digest.hexdigest()}

    def _zipped(self, session: Session, sink: Sink) -> Iterator[bytes]:
        found: dict[str, dict[str, Any]] = {}
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, pieces in study_files(session, self.study, recruitment=self.recruitment):
                found[name] = yield from _add(archive, sink, name, pieces)
            made_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            listed = json.dumps(manifest(found, self.study, made_at), indent=1).encode()
            yield from _add(archive, sink, MANIFEST, iter([listed]))
        yield sink.taken()


def _add(
    archive: zipfile.ZipFile, sink: Sink, name: str, pieces: Iterator[bytes]
) -> Generator[bytes, None, dict[str, Any]]:
    digest, size = hashlib.sha256(), 0
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(entry, "w", force_zip64=True) as file:
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            file.write(piece)
            if sink.size:
                yield sink.taken()
    return {"sha256": digest.hexdigest(), "bytes": size}
