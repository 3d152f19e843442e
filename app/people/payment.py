"""Who is to be paid what, as a table for whoever pays."""

import csv
import io
from collections.abc import Iterable

from app.domain.formulas import guarded
from app.domain.money import written
from app.domain.paid_time import PaidWork

COLUMNS = ("person", "study", "judged", "skipped", "hours", "hourly_rate", "pay", "currency")


def payment_csv(lines: Iterable[PaidWork]) -> str:
    """One line for each person and study, with a head."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(line) for line in lines)
    return out.getvalue()


def _cells(line: PaidWork) -> tuple[object, ...]:
    work = line.work
    return (
        guarded(line.email),
        guarded(work.slug),
        work.judged,
        work.skipped,
        f"{line.hours:.4f}",
        written(work.hourly_rate, work.currency, thousands=""),
        written(work.pay, work.currency, thousands=""),
        guarded(work.currency),
    )
