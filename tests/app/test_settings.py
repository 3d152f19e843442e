"""The key that signs form tokens, where nobody configured one."""

import stat
from pathlib import Path

from app.settings import Settings, secret_key


def test_a_key_is_made_once_and_kept_for_its_owner_alone(data_dir: Path) -> None:
    settings = Settings(database_url=None, data_dir=data_dir)

    made = secret_key(settings)

    assert secret_key(settings) == made
    assert len(made) >= 32
    assert stat.S_IMODE((data_dir / "secret_key").stat().st_mode) == 0o600
