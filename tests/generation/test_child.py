"""A child that takes orders: what it answers, what is no answer, and how its end is told."""

import sys
from subprocess import PIPE

import pytest

from app.lifeline import start_child
from generation.child import CrashedError, ask, end
from generation.generate import Outcome

CHATTERBOX = """
import os
from generation.child import answer_orders
from generation.generate import Outcome

def carry_out(values):
    print("3 of what a library prints", flush=True)
    os.write(1, b"2 more\\n")
    if values["last"]:
        os._exit(7)
    return Outcome.DONE

answer_orders(carry_out)
"""


def test_only_answers_are_answers(capfd: pytest.CaptureFixture[str]) -> None:
    child = start_child([sys.executable, "-c", CHATTERBOX], first_line=None, stdout=PIPE)
    try:
        assert [ask(child, {"last": False}, lambda: False) for _ in range(2)] == [Outcome.DONE] * 2
        with pytest.raises(CrashedError, match="ended with exit code 7"):
            ask(child, {"last": True}, lambda: False)
    finally:
        end(child)

    assert capfd.readouterr().err.count("2 more") == 3, "what libraries print is in the worker's log"
