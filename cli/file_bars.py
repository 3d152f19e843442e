"""Bars of files that are read or sent, one each."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def bars_of(sizes: Mapping[str, int]) -> Iterator[Callable[[str, int], None]]:
    """Takes a file's name and how many of its bytes are done: bars on a terminal; in a log, a line at its end."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        tasks = {name: progress.add_task(name, total=size) for name, size in sizes.items()}

        def report(name: str, done: int) -> None:
            progress.update(tasks[name], completed=done)
            if not console.is_terminal and done == sizes[name]:
                console.print(f"{name}: {done:,} bytes", highlight=False, soft_wrap=True)

        yield report
