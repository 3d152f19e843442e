"""What templates can count on."""

from datetime import UTC, datetime

import pytest
from jinja2 import UndefinedError

from app.templating import environment, moment, percent, thousands


def test_numbers_and_times_read_well() -> None:
    assert thousands(1234567) == "1,234,567"
    assert percent(0.3456) == "34.6\u00a0%"
    assert percent(1, 0) == "100\u00a0%"
    assert moment(datetime(2026, 11, 24, 9, 5, tzinfo=UTC)) == "2026-11-24 09:05 UTC"


def test_a_text_of_somebodys_is_escaped() -> None:
    template = environment.from_string("{{ text }}")
    assert template.render(text="<b onclick='x'>") == "&lt;b onclick=&#39;x&#39;&gt;"


def test_an_address_may_break_behind_its_at_or_a_dot_and_is_escaped() -> None:
    template = environment.from_string("{{ email | address }}")
    assert template.render(email="<ada>@lab.example") == "&lt;ada&gt;@<wbr>lab.<wbr>example"


def test_a_missing_name_fails_loudly() -> None:
    with pytest.raises(UndefinedError):
        environment.from_string("{{ nothing }}").render()
