"""Values that are kept by their key: made once, the latest ones only, and never while others wait for nothing."""

import threading

import pytest

from app.analysis.kept import Kept


def test_a_value_is_made_once_for_its_key() -> None:
    kept: Kept[int] = Kept(2)
    assert kept.get(("a", 1), lambda: 7) == 7
    assert kept.get(("a", 1), lambda: 8) == 7
    assert kept.get(("a", 2), lambda: 8) == 8


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    kept: Kept[str] = Kept(2)
    for key in ("a", "b", "a", "c"):
        kept.get((key,), lambda key=key: f"first {key}")
    # "a" was asked for again after "b", so "c" took the place of "b"
    assert [kept.get((key,), lambda: "again") for key in ("a", "c", "b")] == ["first a", "first c", "again"]


def test_what_could_not_be_made_is_not_kept() -> None:
    kept: Kept[float] = Kept(2)
    with pytest.raises(ZeroDivisionError):
        kept.get((), lambda: 1 / 0)
    assert kept.get((), lambda: 2.0) == 2.0


def test_nobody_waits_for_a_value_of_another_key() -> None:
    kept: Kept[str] = Kept(2)
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert may_end.wait(10)
        return "slow"

    thread = threading.Thread(target=kept.get, args=(("slow",), slow))
    thread.start()
    assert begun.wait(10)
    assert kept.get(("fast",), lambda: "fast") == "fast"
    may_end.set()
    thread.join(10)
    assert kept.get(("slow",), lambda: "made again") == "slow"
