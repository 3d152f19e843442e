"""What no engine could follow is refused where a system or a recipe says it."""

import math

import pytest

from generation.engines.base import Decoding


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"top_p": 0.0}, "top_p is 0.0; it has to be above 0"),
        ({"top_p": 1.01}, "top_p is 1.01; it has to be above 0 and at most 1"),
        ({"temperature": 0.0}, "temperature is 0.0; it has to be a positive number"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"top_k": -1}, "top_k is -1; it has to be 0"),
        ({"repetition_penalty": 0.0}, "repetition_penalty is 0.0"),
        ({"repetition_penalty": math.nan}, "repetition_penalty is nan"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(settings: dict[str, float], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Decoding(**settings)  # type: ignore[arg-type]


def test_the_limits_themselves_are_settings() -> None:
    assert Decoding("nucleus", top_p=1.0, top_k=0, temperature=1e-3, repetition_penalty=0.5).top_k == 0
