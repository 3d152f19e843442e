"""What a model expects, token by token, along a text: Figure 4."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from metrics.plots.style import PALETTES, Theme, empty, unlike, write_legend


def token_probabilities(
    tokens: Sequence[str], probabilities: Mapping[str, Sequence[float]], *, theme: Theme = "light"
) -> Figure:
    """For each token of a text, how probable each model found it: bars in [0, 1], one group for each token.

    Raises ValueError without tokens or models, or where a model has another number of probabilities.
    """
    if not tokens or not probabilities:
        raise ValueError("There is nothing to draw.")
    if any(len(values) != len(tokens) for values in probabilities.values()):
        raise ValueError("Each model needs a probability for each token.")
    palette = PALETTES[theme]
    figure, (axes,) = empty(theme, rows=7)
    width = 0.8 / len(probabilities)
    hatches = ("", "////", "....", "xxxx", "\\\\\\\\", "++")
    for number, (name, values) in enumerate(probabilities.items()):
        left = [at - 0.4 + width * (number + 0.5) for at in range(len(tokens))]
        axes.bar(
            left,
            values,
            width,
            color=palette.colour(number),
            hatch=hatches[unlike(number, len(hatches))],
            edgecolor=palette.paper,
            linewidth=0,
            label=name,
        )
    names = [_visible(token) for token in tokens]
    axes.set_xticks(range(len(tokens)), names, rotation=45, ha="right", parse_math=False)
    axes.set_ylim(0, 1)
    axes.set_ylabel("probability of the token that came", color=palette.ink, fontsize=8)
    axes.grid(visible=False, axis="x")
    write_legend(figure, axes, palette)
    return figure


def _visible(token: str) -> str:
    """A token as a label: its space and its end of a line shown."""
    return token.replace(" ", "\u00b7").replace("\n", "\u21b5")
