"""Writing a file whole or not at all."""

from collections.abc import Iterable
from pathlib import Path


def write_whole(out: Path, pieces: Iterable[bytes]) -> None:
    """What was there before stays until the new file is complete. Raises ToprankError when it cannot be written."""
    from app.errors import ToprankError

    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        with unfinished.open("wb") as stream:
            stream.writelines(pieces)
        unfinished.replace(out)
    except OSError as error:
        raise ToprankError(f"{out} cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
