"""CPU time of processes, read from /proc, so that the load client's own work stays out of the figure."""

import os
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of the children that it has waited for (seconds)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / TICK


def tree_cpu_seconds(pid: int) -> float:
    """The same for a process and its living descendants."""
    total = cpu_seconds(pid)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            total += tree_cpu_seconds(int(child))
        except FileNotFoundError:  # ended in between; its parent counts it from now on
            continue
    return total
