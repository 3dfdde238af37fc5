"""An evaluation drawn: bars with intervals, and whether a score means what it says."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
SHOWN = ("recall@10", "recall@20", "ndcg@10", "mrr")


def figures_of(measured: dict[str, Any]) -> dict[str, Figure]:
    """`metrics` and `reliability` from `Evaluation.as_dict` or a manifest; none where nothing was measured."""
    figures = {}
    if measured.get("metrics"):
        figures["metrics"] = bars(measured["metrics"], measured["intervals"])
    if measured.get("reliability"):
        is_guess = bool(measured.get("guesses_chances"))
        figures["reliability"] = reliability(measured["reliability"], is_guess=is_guess)
    return figures


def inline(figure: Figure) -> str:
    """The address of a picture that is its own address: an SVG in a data URI."""
    drawn = BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{b64encode(drawn.getvalue()).decode()}"


def draw(measured: dict[str, Any], folder: Path) -> list[Path]:
    """The figures in PNG and SVG; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure in figures_of(measured).items():
        for kind in FORMATS:
            path = folder / f"{name}.{kind}"
            figure.savefig(path, dpi=150, metadata={"Date": None} if kind == "svg" else None)
            written.append(path)
    return written


def bars(
    metrics: dict[str, dict[str, float]],
    intervals: dict[str, dict[str, tuple[float, float]]],
    names: tuple[str, ...] = SHOWN,
) -> Figure:
    figure, axes = _figure(width=2.2 * len(names) + 2, height=0.36 * len(metrics) + 1.3, columns=len(names))
    order = sorted(metrics, key=lambda ranker: metrics[ranker].get("ndcg@10", 0))
    for axis, name in zip(axes, names, strict=True):
        values = [metrics[ranker][name] for ranker in order]
        low = [metrics[ranker][name] - intervals[ranker][name][0] for ranker in order]
        high = [intervals[ranker][name][1] - metrics[ranker][name] for ranker in order]
        colours = ["#1f5fa8" if ranker in {"ranker", "broadsheet"} else "#b8c4d2" for ranker in order]
        axis.barh(order, values, xerr=[low, high], color=colours, error_kw={"ecolor": "#444444", "elinewidth": 1})
        axis.set_title(name, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        if axis is not axes[0]:
            axis.set_yticklabels([])
    return figure


def reliability(bins: list[tuple[float, float, int]], *, is_guess: bool = False) -> Figure:
    figure, (axis,) = _figure(width=4.6, height=4.4, columns=1)
    said, true = [bin_[0] for bin_ in bins], [bin_[1] for bin_ in bins]
    shown = [value for value in said + true if value > 0]
    low, high = min(shown, default=1e-4) / 2, max(shown, default=1.0) * 2
    axis.plot([low, high], [low, high], color="#b8c4d2", linewidth=1)
    axis.plot(said, true, "o-", color="#1f5fa8", markersize=4)
    axis.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    axis.set_xlabel("chance the ranker gives" + (" (by rule of thumb)" if is_guess else ""))
    axis.set_ylabel("share of papers taken")
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def curves(lines: dict[str, list[tuple[str, float, float, float]]], measured: str) -> Figure:
    """By ranker: what was given, the mean, its interval."""
    figure, (axis,) = _figure(width=5.6, height=3.8, columns=1)
    for (ranker, points), colour in zip(lines.items(), ("#1f5fa8", "#8a99ab", "#b8c4d2"), strict=False):
        given, values, lows, highs = zip(*points, strict=True)
        below = [value - low for value, low in zip(values, lows, strict=True)]
        above = [high - value for value, high in zip(values, highs, strict=True)]
        axis.errorbar(
            given, values, yerr=[below, above], label=ranker, color=colour, marker="o", markersize=4, capsize=2
        )
    axis.set_ylim(bottom=0)
    axis.set_ylabel(measured)
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def _figure(*, width: float, height: float, columns: int) -> tuple[Figure, list[Any]]:
    # The figure class itself: no display, no state shared by the process.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])
