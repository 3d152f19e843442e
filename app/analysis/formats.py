"""An exhibit as CSV, LaTeX with booktabs, and plain values for JSON; each carries what made it."""

import csv
import io
from typing import Any

from app.analysis.exhibit import Cell, Column, Exhibit, Kind, Provenance
from app.domain.formulas import guarded

_LATEX_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "\u2013": "--",
        "\u00a0": "~",
    }
)


def as_csv(exhibit: Exhibit) -> str:
    """A header and one line for each row; shares in [0, 1], intervals as two columns, text safe for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(name for column in exhibit.columns for name in _csv_names(column))
    for row in exhibit.rows:
        writer.writerow(
            value for cell, column in zip(row, exhibit.columns, strict=True) for value in _csv(cell, column)
        )
    return out.getvalue()


def as_latex(exhibit: Exhibit, provenance: Provenance) -> str:
    """A tabular of the columns that belong in a paper; signatures and provenance as comments above it."""
    shown = [number for number, column in enumerate(exhibit.columns) if column.in_paper]
    columns = [exhibit.columns[number] for number in shown]
    kinds = "".join("l" if column.kind is Kind.TEXT else "r" for column in columns)
    comments = [f"{exhibit.name}: {exhibit.title}", *exhibit.signatures, *exhibit.notes, *provenance.lines]
    lines = [
        *(f"% {' '.join(comment.split())}" for comment in comments),
        rf"\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        _latex_row([_latex_head(column) for column in columns]),
        r"\midrule",
        *(_latex_row([_latex(row[number], exhibit.columns[number]) for number in shown]) for row in exhibit.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def as_values(exhibit: Exhibit) -> dict[str, Any]:
    """Stable keys and plain values; an interval is a pair, None where there is no value."""
    return {
        "key": exhibit.key,
        "name": exhibit.name,
        "title": exhibit.title,
        "caption": exhibit.caption,
        "rows": [
            {column.key: _plain(cell) for column, cell in zip(exhibit.columns, row, strict=True)}
            for row in exhibit.rows
        ],
        "signatures": list(exhibit.signatures),
        "notes": list(exhibit.notes),
        "missing": exhibit.missing,
        "reported": [
            {"what": one.what, "value": one.value, "source": one.source, "reported": True} for one in exhibit.reported
        ],
    }


def provenance_values(provenance: Provenance) -> dict[str, Any]:
    """What made the numbers, for JSON."""
    return {
        "study": provenance.study,
        "state": provenance.state,
        "queried_at": provenance.queried_at,
        "protocol_sha256": provenance.protocol,
        "protocol_locked": provenance.is_locked,
        "look": provenance.look,
        "withdrawn_annotators": str(provenance.withdrawn),
        "final": provenance.is_final,
        "shortcomings": list(provenance.shortcomings),
    }


def _csv_names(column: Column) -> list[str]:
    return [f"{column.key}_low", f"{column.key}_high"] if column.kind is Kind.INTERVAL else [column.key]


def _csv(cell: Cell, column: Column) -> list[object]:
    if column.kind is Kind.INTERVAL:
        return list(cell) if isinstance(cell, tuple) else ["", ""]
    if cell is None:
        return [""]
    return [guarded(cell) if isinstance(cell, str) else cell]


def _plain(cell: Cell) -> object:
    return list(cell) if isinstance(cell, tuple) else cell


def _latex_row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _latex_head(column: Column) -> str:
    percent = r" (\%)" if column.kind in (Kind.SHARE, Kind.INTERVAL) else ""
    return column.title.translate(_LATEX_ESCAPES) + percent


def _latex(cell: Cell, column: Column) -> str:
    """As on the page, but for the percent sign, which the head has."""
    written = "--" if cell is None else column.written(cell)
    if column.kind in (Kind.SHARE, Kind.INTERVAL):
        written = written.removesuffix("\u00a0%")
    if column.kind is Kind.DIFFERENCE and cell is not None:
        return f"${written}$"
    return written.translate(_LATEX_ESCAPES)
