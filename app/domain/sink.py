"""Where a library writes a file of which only what was not sent yet is kept."""


class Sink:
    """A file that can be written, and read from its front: what was written since the last time."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def write(self, part: bytes) -> int:
        """Keep what the writer has."""
        self._parts.append(bytes(part))
        self.size += len(part)
        return len(part)

    def taken(self) -> bytes:
        """All of it, which is then gone from here."""
        parts, self._parts, self.size = self._parts, [], 0
        return b"".join(parts)

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def close(self) -> None:
        """There is nothing to close."""
