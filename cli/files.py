"""Reading a text, and writing a file whole or not at all."""

import sys
from collections.abc import Iterable
from pathlib import Path


def text_of(file: Path) -> str:
    """What a file says, or for `-` the standard input. Raises ToprankError when that is no text in UTF-8."""
    from app.errors import ToprankError

    try:
        return (sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()).decode()
    except OSError as error:
        raise ToprankError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ToprankError(f"{file} is not UTF-8 near byte {error.start}.") from error


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
