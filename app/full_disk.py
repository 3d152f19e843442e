"""A disk that is full, be it the database's or this machine's."""

import errno

from app.wording import N_

NO_SPACE = N_(
    "A disk of this server is full, so nothing was saved. Tell an admin, who can make room, and try again then."
)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
OF_POSTGRES = "53100"  # disk_full


def is_full_disk(error: BaseException | None) -> bool:
    """Whether this error, or what it came of, says that there was no room to write."""
    if error is None:
        return False
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    return getattr(error, "sqlstate", None) == OF_POSTGRES or is_full_disk(error.__cause__)
