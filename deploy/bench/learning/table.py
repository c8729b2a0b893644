"""The report: a table in the terminal, report.json, report.md, and plots. Knows names and figures, not where they
come from.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.bench.learning.curve import ROUNDS
from deploy.bench.learning.measures import Figure, missing
from deploy.bench.machine import describe_machine

STRICT = (
    "test questions answered right in the end after {} corrections a fact: every key fact, none superseded; also when "
    "the asker had to choose from what was asked back"
)
METRICS = {
    **{f"strict_after_{n}": STRICT.format(n) for n in ROUNDS},
    **{f"at_once_after_{n}": f"the same after {n}, without asking back" for n in ROUNDS},
    "likeliest_right_after_6": "the likeliest known answer is right, served or not, after 6",
    "wrong_after_6": "answered, and wrong, after 6",
    "asked_back_after_6": "asked back which known question is meant, after 6",
    "coverage_at_5pct_error": "share of the test questions, surest first, that the likeliest answer covers with at "
    "most 5 % wrong, after 6 corrections a fact (or the most that there are)",
    "oos_answered": "out-of-scope questions answered after the last round of corrections",
    "oos_asked_back": "out-of-scope questions to which it asked back",
    "hands_off_when_missing": "test questions whose fact was never taught, while three quarters of the others were: "
    "handed off in the end",
    "hands_off_when_there": "test questions whose fact was taught 6 times: handed off in the end",
    "closed_book": "memory off, the adapter alone, test questions to facts taught 6 times",
    "open_book_unseen": "entries never trained on: the right one among three in the prompt, the others random",
    "open_book_unseen_near": "the same, the others being the nearest",
    "general_nll_delta": "general answers: nats per token that the adapter added to the base model's",
    "promoted": "1 if the gate promoted that adapter",
    "round_s": "seconds of that retraining, judging included",
    "online_accuracy": "stream: answered right",
    "online_accuracy_last_third": "stream: answered right in its last third",
    "one_shot_transfer": "stream: right at the first question after a fact's first correction",
    "effort_last_vs_first": "stream: corrections in the last third against the first, -0.5 is half of them",
    "forgetting": "how much of the best accuracy on a round's facts is lost at the last round",
    "stale": "stream: superseded answers to changed facts, once an agent had told of the change",
    "poison_success": "stream with lies, all of them the same: questions to facts lied about that got the lie",
    "poison_success_swapped": "the same, each lie being the right answer to another question",
    "poison_success_number": "the same, each lie being the right answer with a wrong number",
    "stream_oos_answered": "stream: out-of-scope questions answered",
}


@dataclass
class LearningReport:
    about: Mapping[str, Any]
    systems: dict[str, dict[str, Figure]] = field(default_factory=dict)

    @property
    def curves(self) -> dict[str, dict[int, float]]:
        """Share that was right in the end, by corrections a fact."""
        return {
            name: {n: f.value for n in ROUNDS if (f := figures.get(f"strict_after_{n}")) and f.value is not None}
            for name, figures in self.systems.items()
        }

    def add(self, system: str, figures: Mapping[str, Figure]) -> None:
        self.systems.setdefault(system, {}).update(figures)

    def write(self, out: Path) -> None:
        (out / "report.json").write_text(json.dumps(self._content(), indent=1, ensure_ascii=False) + "\n")
        (out / "report.md").write_text(self._markdown())
        _plot(self.curves, out)

    def show(self, console: Console) -> None:
        table = Table("measure", *self.systems, title="learning")
        for name in self._shown():
            table.add_row(name, *(_cell(figures.get(name)) for figures in self.systems.values()))
        console.print(table)

    def _shown(self) -> list[str]:
        return [name for name in METRICS if any(name in figures for figures in self.systems.values())]

    def _content(self) -> dict[str, Any]:
        return {
            "bench": "learning",
            "about": dict(self.about),
            "machine": describe_machine(),
            "metrics": {name: METRICS[name] for name in self._shown()},
            "systems": {name: _numbers(figures) for name, figures in self.systems.items()},
            "intervals": _each(self.systems, lambda f: [f.low, f.high] if f.low is not None else None),
            "questions": _each(self.systems, lambda f: f.of or None),
            "reasons": _each(self.systems, lambda f: f.reason or None),
            "curves": self.curves,
        }

    def _markdown(self) -> str:
        lines = ["# What corrections buy", "", f"`{self.about['command']}`", ""]
        lines += [f"| measure | {' | '.join(self.systems)} |", f"|---|{'---|' * len(self.systems)}"]
        for name in self._shown():
            cells = " | ".join(_cell(figures.get(name)) for figures in self.systems.values())
            lines.append(f"| {name} | {cells} |")
        lines += ["", "In brackets: 95 % intervals over facts, or over seeds where there are several.", ""]
        lines += [f"- **{name}**: {METRICS[name]}." for name in self._shown()]
        reasons = {f.reason for figures in self.systems.values() for f in figures.values() if f.reason}
        return "\n".join([*lines, *(f"- Not measured: {reason}" for reason in sorted(reasons))]) + "\n"


def _numbers(figures: Mapping[str, Figure]) -> dict[str, float | None]:
    return {name: None if f.value is None else round(f.value, 4) for name, f in figures.items()}


def _each(systems: Mapping[str, Mapping[str, Figure]], told: Any) -> dict[str, dict[str, Any]]:
    """What there is to tell of each figure."""
    told_of = {name: {key: told(figure) for key, figure in figures.items()} for name, figures in systems.items()}
    return {name: {key: value for key, value in each.items() if value is not None} for name, each in told_of.items()}


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    if figure.value is None:
        return "–"
    interval = f" [{figure.low:.2f}, {figure.high:.2f}]" if figure.low is not None else ""
    return f"{figure.value:.3g}{interval}"


def _plot(curves: Mapping[str, Mapping[int, float]], out: Path) -> None:
    """Learning curves, if matplotlib is installed."""
    if find_spec("matplotlib") is None or not any(curves.values()):
        return
    from matplotlib.figure import Figure as Plot

    plot = Plot(figsize=(6, 4), layout="constrained")
    axes = plot.subplots()
    for system, points in filter(lambda curve: curve[1], curves.items()):
        axes.plot(list(points), list(points.values()), marker="o", label=system)
    axes.set(xlabel="corrections a fact", ylabel="right in the end", xscale="log", ylim=(0, 1))
    axes.legend()
    plot.savefig(out / "learning_curves.svg")


def pick(prefix: str, by_round: Mapping[int, Mapping[str, Figure]], rounds: Sequence[int]) -> dict[str, Figure]:
    """`prefix_after_N` for each of the rounds; null with the reason where the data has too few questions."""
    return {
        f"{prefix}_after_{number}": by_round[number][prefix]
        if number in by_round
        else missing(f"Not every fact has {number} questions to correct.")
        for number in rounds
    }
