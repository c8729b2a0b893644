"""Curves as pictures, where matplotlib is installed. Knows points and their names, not where they come from."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HOW_TO = "No plots were drawn, since matplotlib is not installed: pip install -e '.[bench]', then run it again."
LINES = ("-", "--", ":")

Curve = Mapping[Any, float]


def can_draw() -> bool:
    return find_spec("matplotlib") is not None


def draw(curves: Mapping[str, Curve], series: Mapping[str, Mapping[str, Curve]], out: Path) -> None:
    """Write the pictures for which there are points."""
    _plot(curves, out / "learning_curves.svg", "corrections a fact", "right in the end", xscale="log")
    for name, file, x, y in (
        ("coverage_by_error", "coverage.svg", "wrong among those covered, at most", "covered"),
        ("accuracy_by_round", "forgetting.svg", "part of the stream", "right, of all facts corrected until then"),
        ("closed_book_by_round", "closed_book.svg", "retraining", "right without memory"),
    ):
        _plot({system: own.get(name, {}) for system, own in series.items()}, out / file, x, y)
    nll = {system: own.get("general_nll_by_round", {}) for system, own in series.items()}
    _plot(nll, out / "general_nll.svg", "retraining", "general texts: nats per token lost", ylim=None)


def _plot(curves: Mapping[str, Curve], path: Path, x: str, y: str, **axes_set: Any) -> None:
    drawn = {name: {float(at): value for at, value in curve.items()} for name, curve in curves.items() if curve}
    if not drawn:
        return
    from matplotlib.figure import Figure

    plot = Figure(figsize=(7, 4), layout="constrained")
    axes = plot.subplots()
    for number, (name, points) in enumerate(drawn.items()):  # ten colours, then another kind of line
        line = LINES[number // 10 % len(LINES)]
        axes.plot(list(points), list(points.values()), line, marker="o", markersize=3, label=name)
    axes.set(xlabel=x, ylabel=y, **{"ylim": (-0.02, 1.02), **axes_set})
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    plot.savefig(path)
