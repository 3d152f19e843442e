"""A curve that an upload brings is a stranger's file: what a trainer writes is read, anything else has a reason."""

import io
import json

import pytest

from app.domain.curve_file import LONGEST_LINE, MOST_POINTS, CurveError, parse_curve
from hyperfitting.curve import CurvePoint, Text, append_point

POINT = {
    "update": 1,
    "epoch": 0.5,
    "train_loss": None,
    "validation_loss": 3.5,
    "entropy": 2,
    "ttr_first_96": 0.25,
    "ttr_last_96": None,
    "tokens_per_second": 10.0,
    "texts": [{"context": "Once", "continuation": " upon"}],
}


def parse(*lines: object) -> object:
    written = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    return parse_curve(io.BytesIO("\n".join(written).encode()))


def test_what_our_trainer_writes_is_read(tmp_path):
    points = [
        CurvePoint(0, 0.0, None, 3.25, 2.5, 0.5, 0.25, None, (Text("Once", " upon\0"),)),
        CurvePoint(2, 1.0, 2.0, 3.0, 2.25, None, None, 123.4),
    ]
    file = tmp_path / "curve.jsonl"
    for point in points:
        append_point(file, point)
    with file.open("rb") as stream:
        found = parse_curve(stream)
    assert [(one.update, one.train_loss, one.validation_loss) for one in found] == [(0, None, 3.25), (2, 2.0, 3.0)]
    assert found[0].texts[0].continuation == " upon\0"


def test_what_a_later_trainer_adds_is_passed_over_and_nothing_is_an_empty_curve():
    assert parse({**POINT, "gradient_norm": 1.0})[0].entropy == 2.0
    assert parse_curve(io.BytesIO()) == []


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["{"], "line 1: it: Invalid JSON"),
        (["[]"], "line 1: it: "),
        ([POINT, ""], None),  # a last line that ends is no line more
        ([POINT, " "], "line 2: it: Invalid JSON"),
        ([json.dumps(POINT).replace("3.5", "NaN")], "line 1: validation_loss: Input should be a finite number"),
        ([json.dumps(POINT).replace("3.5", "1e999")], "line 1: validation_loss: "),
        ([{**POINT, "entropy": "2"}], "line 1: entropy: Input should be a valid number"),
        ([{**POINT, "entropy": True}], "line 1: entropy: "),
        ([{**POINT, "validation_loss": None}], "line 1: validation_loss: "),
        ([{**POINT, "train_loss": -1.0}], "line 1: train_loss: "),
        ([{**POINT, "ttr_first_96": 1.5}], "line 1: ttr_first_96: "),
        ([{**POINT, "update": -1}], "line 1: update: "),
        ([{**POINT, "update": 2**31}], "line 1: update: "),
        ([{**POINT, "update": 1.5}], "line 1: update: "),
        ([POINT, POINT], "line 2 does not come after the line before it"),
        ([{**POINT, "texts": POINT["texts"] * 17}], "line 1: texts: "),
        ([{**POINT, "texts": [{"context": "x" * 20_001, "continuation": ""}]}], "line 1: texts.0.context: "),
        ([{**POINT, "texts": [{"context": 1, "continuation": ""}]}], "line 1: texts.0.context: "),
        (['{"update": "\\ud800"}'], "line 1: "),
        (["x" * (LONGEST_LINE + 1)], f"line 1 has more than {LONGEST_LINE:,} bytes"),
        ([{**POINT, "update": update} for update in range(MOST_POINTS + 1)], f"it has more than {MOST_POINTS:,} lines"),
        (['{"a":' * 10_000], "line 1: it: "),
    ],
)
def test_what_no_trainer_writes_is_refused_with_its_line(lines, reason):
    if reason is None:
        assert len(parse(*lines)) == 1
        return
    with pytest.raises(CurveError) as refused:
        parse(*lines)
    assert str(refused.value).startswith(reason)
    assert len(str(refused.value)) < 200
