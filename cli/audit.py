"""`toprank audit`: who did what."""

import json
from typing import Annotated

import typer

from cli.connection import DataDir, transaction
from cli.days import FirstDay, LastDay, period_of


def audit(
    action: Annotated[
        str | None, typer.Option(help='A whole action, such as "person.invite", or its beginning, "person".')
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="EMAIL", help="Only what this person did.")] = None,
    subject_type: Annotated[
        str | None, typer.Option(help="Only what was done to such: study, person, checkpoint, passage.")
    ] = None,
    subject_id: Annotated[int | None, typer.Option(min=1, help="Only what was done to the one of this number.")] = None,
    since: FirstDay = None,
    until: LastDay = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many entries.")] = 50,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each entry.")] = False,
) -> None:
    """Print the audit log, the newest entry first."""
    from app.domain.audit import AuditFilter, audit_page, audit_values

    period = period_of(since, until)
    wanted = AuditFilter(action, by, subject_type, subject_id, period.since, period.until)
    with transaction(data_dir) as session:
        lines = audit_page(session, wanted, limit=limit)
    for line in lines:
        values = audit_values(line)
        detail = json.dumps(values["detail"], ensure_ascii=False) if values["detail"] else ""
        words = (values["at"], values["actor"] or "-", values["action"], values["subject"], detail)
        print(json.dumps(values, ensure_ascii=False) if as_json else "  ".join(filter(None, words)))
