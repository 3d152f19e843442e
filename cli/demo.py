"""`toprank demo`: a study of real texts and a real language model, running on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from cli.connection import DataDir
from cli.serve import Port, database, run_everything
from cli.web_app import check_port_is_free

CREDENTIALS = "demo_credentials.json"


def demo(
    port: Port = 8000,
    data_dir: DataDir = None,
    credentials_file: Annotated[
        Path | None,
        typer.Option(help=f"Where the logins are written, readable by you alone; {CREDENTIALS} by default."),
    ] = None,
) -> None:
    """Start everything on the embedded database, with a study to judge; the second start goes on with the same one."""
    from app.errors import ConflictError
    from app.migrate import upgrade
    from app.settings import Settings
    from demo import accounts, study

    settings = Settings()
    if settings.database_url is not None:
        raise ConflictError(
            "DATABASE_URL is set; the demo makes studies and people, so it runs on the embedded one only."
        )
    check_port_is_free("127.0.0.1", port)
    folder = data_dir or settings.data_dir
    checkpoint = study.checkpoint(settings.cache_dir)
    with database(data_dir) as url:
        upgrade(url)
        outlook = study.prepare(url, checkpoint, settings.store or folder / "store")
        logins = accounts.prepare(url, credentials_file or folder / CREDENTIALS)
        greeting = "\n".join(filter(None, [logins.greeting, outlook]))
        run_everything(url, folder, host="127.0.0.1", port=port, greeting=greeting)
