"""Cells that a spreadsheet would run as a formula, in every table that leaves the house."""

import re

# These characters first in a cell, also in their full-width forms; read by Postgres and by Python alike.
FORMULA_STARTS = "^[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]"


def guarded(cell: str) -> str:
    """The text with a quote before it where a spreadsheet would take it for a formula.

    >>> guarded("=1+1"), guarded("llama")
    ("'=1+1", 'llama')
    """
    return f"'{cell}" if re.match(FORMULA_STARTS, cell) else cell
