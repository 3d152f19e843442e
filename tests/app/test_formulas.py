"""Tables that leave the house: whatever is written into a cell, no spreadsheet runs it."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app.analysis.exhibit import Column, Exhibit
from app.analysis.formats import as_csv
from app.auth.invitation_lists import Invited, links_csv
from app.domain.formulas import guarded
from app.domain.paid_time import PaidWork, StudyWork
from app.models.person import Role
from app.people.payment import payment_csv
from tests.app.export.test_export import PAYLOADS

REPOSITORY = Path(__file__).parents[2]


def pay(cell: str) -> tuple[str, set[str]]:
    hour = timedelta(hours=1)
    work = StudyWork(cell, cell, 1, 1, 0, paid_time=hour, paid_time_today=hour, hourly_rate=10.0, currency=cell)
    return payment_csv([PaidWork(1, cell, work)]), {"person", "study", "currency"}


def links(cell: str) -> tuple[str, set[str]]:
    return links_csv([Invited(cell, Role.ANNOTATOR, "token")], ["https://lab.example/invite/token"]), {"email"}


def exhibit(cell: str) -> tuple[str, set[str]]:
    columns = Column("system", "System"), Column("dataset", "Dataset")
    return as_csv(Exhibit("one", "Table 1", "T", "C", columns=columns, rows=((cell, cell),))), {"system", "dataset"}


# By the module that writes the table; the export's own are COPY's, and tried with every payload beside it.
WRITERS: dict[str, Callable[[str], tuple[str, set[str]]]] = {
    "app/people/payment.py": pay,
    "app/auth/invitation_lists.py": links,
    "app/analysis/formats.py": exhibit,
}


def test_every_writer_of_a_table_is_tried() -> None:
    writers = {
        str(file.relative_to(REPOSITORY))
        for tree in ("app", "cli", "metrics", "worker", "generation", "hyperfitting")
        for file in (REPOSITORY / tree).rglob("*.py")
        if re.search(r"csv\.(writer|DictWriter)\(", file.read_text())
    }
    assert writers == set(WRITERS)


@pytest.mark.parametrize("module", WRITERS)
def test_no_payload_is_the_beginning_of_a_cell(module: str) -> None:
    assert len(PAYLOADS) >= 20
    for payload in PAYLOADS:
        table, columns = WRITERS[module](payload)
        (row,) = csv.DictReader(io.StringIO(table, newline=""))
        assert {row[column] for column in columns} == {f"'{payload}"}, payload
        assert not [cell for cell in row.values() if guarded(cell) != cell]


def test_an_ordinary_text_is_left_as_it_is() -> None:
    for text in ("", "a=b", "1-2", "poems", "'quoted'"):
        assert guarded(text) == text
