"""A choice that pages and commands offer alike; it loads nothing that draws."""

from enum import StrEnum


class WithdrawnAnnotators(StrEnum):
    """Whether the annotations of annotators who withdrew count: as the protocol says, or always, or never."""

    BY_PROTOCOL = "protocol"
    WITH = "with"
    WITHOUT = "without"
