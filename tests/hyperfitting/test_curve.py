"""A run's curve on disk: what a crash leaves of it, and how it reads in a log."""

from pathlib import Path

from hyperfitting.curve import CurvePoint, Text, append_point, in_words, keep_until, read_curve

FIRST = CurvePoint(0, 0.0, None, 3.25, 2.9, 0.75, 0.5, None, (Text("It was", "a dark night"),))
SECOND = CurvePoint(8, 1.0, 1.5, 3.5, 2.0, None, None, 90.0)


def test_a_line_that_a_crash_cut_off_is_no_point(tmp_path: Path) -> None:
    file = tmp_path / "curve.jsonl"
    append_point(file, FIRST)
    append_point(file, SECOND)
    file.write_text(file.read_text()[:-9])

    assert read_curve(file) == [FIRST]


def test_a_run_that_goes_on_forgets_what_it_had_measured_later(tmp_path: Path) -> None:
    file = tmp_path / "curve.jsonl"
    append_point(file, FIRST)
    append_point(file, SECOND)

    keep_until(file, 7)

    assert read_curve(file) == [FIRST]


def test_a_validation_is_a_line_with_what_there_is_to_say() -> None:
    assert in_words(FIRST) == ("update 0, validation loss 3.250, entropy 2.900, TTR 0.750 (first 96), 0.500 (last 96)")
    assert in_words(SECOND) == "update 8, train loss 1.500, validation loss 3.500, entropy 2.000"
