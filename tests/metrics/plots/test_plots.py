"""Figures draw what they are given, in both themes, and refuse what they cannot draw."""

import io

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from metrics.plots.curves import Curve, curves
from metrics.plots.distributions import distributions
from metrics.plots.heatmap import heatmap
from metrics.plots.images import image_grid
from metrics.plots.ranges import Panel, Range, ranges
from metrics.plots.style import PALETTES, Theme
from metrics.plots.tokens import token_probabilities

THEMES: tuple[Theme, ...] = ("light", "dark")


def svg(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg")
    return out.getvalue()


@pytest.mark.parametrize("theme", THEMES)
def test_ranges_draw_a_dot_an_interval_and_a_line_for_each_value(theme: Theme) -> None:
    panel = Panel("256 tokens", {"": [Range(0.4, 0.3, 0.5, line=0.55), Range(None), Range(0.1)]})
    figure = ranges(["one", "two", "three"], [panel], unit="share", theme=theme)
    (axes,) = figure.axes
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert list(dots[0].get_xdata()) == [0.4, 0.1]
    assert list(dots[0].get_ydata()) == [0, 2]
    assert [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "|"] == [[0.55]]
    assert [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "None"] == [[0.3, 0.5]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two", "three"]
    assert "256 tokens" in svg(figure) or figure.axes[0].get_title(loc="left") == "256 tokens"


def test_a_heatmap_writes_each_value_and_leaves_gaps_empty() -> None:
    figure = heatmap(np.array([[0.5, np.nan], [1.0, 0.0]]), ["a", "b"], ["c", "d"], unit="share")
    assert [text.get_text() for text in figure.axes[0].texts] == ["50.0", "100.0", "0.0"]


@pytest.mark.parametrize(
    ("names", "leaning"), [(["a", "b"], 0), (["a", "hyperfitted on fiction"], 25), (list("abcde"), 25)]
)
def test_names_of_columns_lean_where_they_would_run_into_each_other(names: list[str], leaning: int) -> None:
    figure = heatmap(np.full((1, len(names)), 0.5), ["row"], names, unit="share")
    assert {label.get_rotation() for label in figure.axes[0].get_xticklabels()} == {leaning}


def test_curves_of_another_unit_get_a_second_scale() -> None:
    lines = [Curve("loss", [0, 1], [3.0, 0.1]), Curve("TTR", [0, 1], [0.2, 0.5], right=True)]
    figure = curves(lines, x_unit="epoch", y_unit="nats", right_unit="TTR")
    left, right = figure.axes
    assert (left.get_ylabel(), right.get_ylabel()) == ("nats", "TTR")
    assert list(right.lines[0].get_ydata()) == [0.2, 0.5]


@pytest.mark.parametrize("theme", THEMES)
def test_distributions_draw_every_value_and_grey_for_the_background(theme: Theme) -> None:
    groups = {"good": np.array([0.5, 0.6]), "split": np.array([0.4]), "bad": np.array([])}
    figure = distributions(groups, unit="TTR", theme=theme, grey=["split"])
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "."]
    assert [sorted(line.get_xdata()) for line in dots] == [[0.5, 0.6], [0.4]]
    assert dots[1].get_color() == PALETTES[theme].grey
    assert figure.axes[0].get_yticklabels()[0].get_text() == "good\n(n = 2)"


def test_outliers_are_left_out_of_the_drawing_but_not_of_the_quartiles_and_counted() -> None:
    values = np.array([0.0, *np.linspace(0.4, 0.6, 99)])
    figure = distributions({"good": values}, unit="TTR", only_central=True)
    (dots,) = [line for line in figure.axes[0].lines if line.get_marker() == "."]
    # of 100 values 2.5 % are cut on each side: three below the quantile, three above
    assert len(dots.get_xdata()) == 94
    assert min(dots.get_xdata()) > 0.4
    quartiles = figure.axes[0].lines[1].get_xdata()
    assert list(quartiles) == list(np.quantile(values, [0.25, 0.75]))
    assert figure.axes[0].get_yticklabels()[0].get_text() == "good\n(n = 100, 6 not drawn)"


def test_names_with_dollar_signs_are_no_mathematics() -> None:
    name = "$x^2$$y$"
    drawn = [
        ranges([name], [Panel("", {name: [Range(0.5)]})], unit=""),
        heatmap(np.array([[0.5]]), [name], [name], unit=""),
        distributions({name: np.array([0.5])}, unit=""),
        curves([Curve(name, [0, 1], [0, 1])], x_unit="", y_unit=""),
        token_probabilities([name], {name: [0.5]}),
        image_grid([name], [[np.zeros((2, 2, 3), dtype=np.uint8)]]),
    ]
    with rc_context({"svg.fonttype": "none"}):
        assert all(f">{name}<" in svg(figure) for figure in drawn)


def test_token_probabilities_draw_one_bar_for_each_model_and_token() -> None:
    figure = token_probabilities([" Man", "chester", "$"], {"base": [0.1, 0.9, 0.2], "hyper": [0.0, 1.0, 0.3]})
    assert len(figure.axes[0].patches) == 6
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["\u00b7Man", "chester", "$"]


def test_scales_are_set_where_a_figure_asks_for_it() -> None:
    figure = curves([Curve("", [8, 2000], [0.2, 0.5])], x_unit="", y_unit="", logarithmic=True, limits=(0, 1))
    assert (figure.axes[0].get_xscale(), figure.axes[0].get_ylim()) == ("log", (0, 1))
    spread = distributions({"a": np.array([0.5])}, unit="", limits=(0, 1))
    dots = ranges(["a"], [Panel("", {"": [Range(0.5)]})], unit="", limits=(0, 1))
    assert spread.axes[0].get_xlim() == dots.axes[0].get_xlim() == (0, 1)


def test_what_has_no_name_has_no_legend() -> None:
    assert ranges(["a"], [Panel("", {"": [Range(0.5)]})], unit="").legends == []
    assert len(ranges(["a"], [Panel("", {"": [Range(0.5, line=0.5)]})], unit="").legends) == 1


def test_series_are_told_apart_by_more_than_colour() -> None:
    figure = curves([Curve(str(n), [0, 1], [n, n]) for n in range(36)], x_unit="", y_unit="")
    lines = figure.axes[0].lines
    assert len({str(line._unscaled_dash_pattern) for line in lines[:6]}) == 6
    # where a colour comes round again, the line is another one
    assert len({str(line._unscaled_dash_pattern) + line.get_color() for line in lines}) == 36


def test_a_long_legend_makes_the_figure_higher_instead_of_the_drawing_smaller() -> None:
    names = [f"a checkpoint with a name of its own, {n}" for n in range(60)]
    figure = curves([Curve(name, [0, 1], [0, 1]) for name in names], x_unit="", y_unit="")
    figure.draw_without_rendering()
    few = curves([Curve(name, [0, 1], [0, 1]) for name in names[:3]], x_unit="", y_unit="")
    few.draw_without_rendering()
    heights = [one.axes[0].get_window_extent().height for one in (figure, few)]
    assert heights[0] > 0.8 * heights[1]


def test_what_cannot_be_drawn_is_refused() -> None:
    for draw in (
        lambda: ranges([], [], unit=""),
        lambda: ranges(["a"], [Panel("", {"": []})], unit=""),
        lambda: heatmap(np.zeros((1, 2)), ["a"], ["b"], unit=""),
        lambda: curves([], x_unit="", y_unit=""),
        lambda: distributions({"a": np.array([])}, unit=""),
        lambda: token_probabilities([], {}),
        lambda: token_probabilities(["a"], {"m": []}),
    ):
        with pytest.raises(ValueError, match=r"draw|needs"):
            draw()


def test_a_grid_shows_every_pixel_as_it_is() -> None:
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[0, 0] = (255, 0, 0)
    figure = image_grid(["given", "original"], [[pixels[:2], pixels]] * 3)
    assert len(figure.axes) == 6
    given, original = figure.axes[:2]
    assert np.array_equal(original.images[0].get_array(), pixels)
    # a part of an image stands at the top of a place as large as the whole
    assert given.get_ylim() == original.get_ylim()
    with pytest.raises(ValueError, match="an image for every title"):
        image_grid(["given"], [[pixels, pixels]])
    with pytest.raises(ValueError, match="at least one row"):
        image_grid(["given"], [])
