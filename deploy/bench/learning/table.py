"""The report: a table in the terminal, report.json, report.md, and plots. Knows names and figures, not where they
come from.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.bench.learning import plots
from deploy.bench.learning.curve import ROUNDS
from deploy.bench.learning.figures import Figure, missing
from deploy.bench.machine import describe_machine

COLUMNS = 4
"""Systems beside each other in the terminal."""
STRICT = (
    "test questions answered right in the end after {} corrections a fact: every key fact, none superseded; also when "
    "the asker had to choose from what was asked back"
)
METRICS = {
    **{f"strict_after_{n}": STRICT.format(n) for n in ROUNDS},
    **{f"at_once_after_{n}": f"the same after {n}, without asking back" for n in ROUNDS},
    **{f"likeliest_right_after_{n}": f"the likeliest known answer is right, served or not, after {n}" for n in (1, 6)},
    **{f"wrong_after_{n}": f"answered, and wrong, after {n}" for n in (1, 6)},
    **{f"asked_back_after_{n}": f"asked back which known question is meant, after {n}" for n in (1, 6)},
    **{f"handed_off_after_{n}": f"not answered in the end, after {n}" for n in (1, 6)},
    "coverage_at_5pct_error": "share of the test questions, surest first, that the likeliest answer covers with at "
    "most 5 % wrong, after 6 corrections a fact (or the most that there are)",
    "oos_answered": "out-of-scope questions answered after the last round of corrections",
    "oos_asked_back": "out-of-scope questions to which it asked back",
    "online_accuracy": "stream: questions answered right, each before it could be learnt from (prequential)",
    "online_accuracy_last_third": "stream: answered right in its last third",
    "one_shot_transfer": "stream: right at the first question after a fact's first correction",
    "corrections_per_100_first_third": "stream: corrections of agents per 100 questions to facts, first third",
    "corrections_per_100_last_third": "the same in the last third, when all topics have arrived",
    "effort_last_vs_first": "stream: corrections in the last third against the first, -0.5 is half of them. Half of "
    "what is wrong is corrected. Part of the fall is that little is new in the last third: perfect-memory has the "
    "greatest fall that there can be, and what learns nothing about none",
    "forgetting": "stream, what is said after each of its 12 parts: mean over the parts i of the best accuracy on test "
    "questions to the facts first corrected in i, less that at the end. The best of noisy values is above the true one",
    "backward_transfer": "the same accuracies: that at the end less that right after the part; below 0, what came "
    "later has hurt",
    "stale": "stream: superseded answers to changed facts, once an agent had told of the change",
    "poison_success": "stream in which a tenth of the corrections is a lie, the same to everybody: questions to facts "
    "lied about that got the lie",
    "poison_success_swapped": "the same, each lie being the right answer to another question",
    "poison_success_number": "the same, each lie being the right answer with a wrong number",
    "stream_oos_answered": "stream: out-of-scope questions answered",
    "closed_book": "memory off, an adapter of one retraining alone, test questions to facts taught 6 times",
    "closed_book_trained": "the same of the facts alone that it was trained on: a few others are kept to judge it by, "
    "and what would give those away",
    "facts_kept_out": "of the facts taught, those that it was not trained on",
    "open_book_unseen": "entries never trained on: the right one among three in the prompt, the others random, all in "
    "the order in which memory ranks them",
    "open_book_unseen_near": "the same, the others being the nearest",
    "hands_off_when_missing": "test questions whose fact was never taught, while three quarters of the others were: "
    "handed off in the end",
    "hands_off_when_there": "test questions whose fact was taught 6 times: handed off in the end",
    "general_nll_delta": "general answers: nats per token that the adapter added to the base model's",
    "general_accuracy": "general questions with given choices: the right letter is the likeliest",
    "general_accuracy_delta": "the same, less the base model's",
    "promoted": "1 if the gate promoted that adapter",
    "rounds": "retrainings along the stream",
    "rounds_promoted": "share of them that answered from then on",
    "closed_book_last_round": "the last adapter of the stream alone: test questions to the facts corrected until then",
    "closed_book_forgetting": "forgetting of the stream's adapters, each alone, over the retrainings",
    "closed_book_backward_transfer": "backward transfer of the stream's adapters",
    "closed_book_plasticity": "mean over the retrainings of the accuracy on the facts that were new in it",
    "closed_book_served_last_round": "the adapter that answers at the end of the stream: which the gate promoted last",
    "closed_book_served_forgetting": "forgetting of what answers, alone, over the retrainings: while the gate rejects, "
    "the adapter before goes on",
    "general_nll_delta_served": "general_nll_delta of the adapter that answers at the end of the stream",
    "general_nll_delta_last_round": "general_nll_delta of the last adapter of the stream",
    "general_accuracy_delta_last_round": "general_accuracy_delta of the last adapter of the stream",
    "round_s": "seconds of the one retraining, judging included",
    "round_cpu_s": "processor seconds of it",
    "round_mb": "what it leaves on disk, in 10^6 bytes",
    "round_s_in_stream": "seconds of a retraining along the stream, in the mean",
    "round_cpu_s_in_stream": "processor seconds of it",
    "round_mb_in_stream": "what it leaves on disk, in 10^6 bytes",
}


@dataclass
class LearningReport:
    about: Mapping[str, Any]
    systems: dict[str, dict[str, Figure]] = field(default_factory=dict)
    series: dict[str, dict[str, dict[float, float]]] = field(default_factory=dict)
    """By system and name: points of a curve."""

    @property
    def curves(self) -> dict[str, dict[int, float]]:
        """Share that was right in the end, by corrections a fact."""
        return {
            name: {n: f.value for n in ROUNDS if (f := figures.get(f"strict_after_{n}")) and f.value is not None}
            for name, figures in self.systems.items()
        }

    def add(self, system: str, figures: Mapping[str, Figure], series: Mapping[str, dict[float, float]]) -> None:
        """What is there stays where the new figure is only a reason for having none."""
        own = self.systems.setdefault(system, {})
        for name, figure in figures.items():
            if figure.value is not None or name not in own:
                own[name] = figure
        self.series.setdefault(system, {}).update({name: points for name, points in series.items() if points})

    def write(self, out: Path) -> None:
        (out / "report.json").write_text(json.dumps(self._content(), indent=1, ensure_ascii=False) + "\n")
        (out / "report.md").write_text(self._markdown())
        if plots.can_draw():
            plots.draw(self.curves, self.series, out)

    def show(self, console: Console) -> None:
        names = list(self.systems)
        for start in range(0, len(names), COLUMNS):
            part = names[start : start + COLUMNS]
            table = Table("measure", *part, title="learning")
            for metric in self._shown():
                table.add_row(metric, *(_cell(self.systems[name].get(metric)) for name in part))
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
            "series": self.series,
        }

    def _markdown(self) -> str:
        lines = ["# What corrections buy", "", f"`{self.about['command']}`", ""]
        lines += [f"| measure | {' | '.join(self.systems)} |", f"|---|{'---|' * len(self.systems)}"]
        for name in self._shown():
            cells = " | ".join(_cell(figures.get(name)) for figures in self.systems.values())
            lines.append(f"| {name} | {cells} |")
        lines += ["", INTERVALS, "", *(f"- {note}" for note in self.about.get("notes", ())), "", "## Measures", ""]
        lines += [f"- **{name}**: {METRICS[name]}." for name in self._shown()]
        if said := self._said():
            lines += ["", "## Said of what was measured", "", *(f"- {each}" for each in said)]
        lines += ["", "## Not measured", "", *(f"- {reason}" for reason in self._reasons())]
        return "\n".join(lines) + "\n"

    def _said(self) -> list[str]:
        return [
            f"{system}, {name}: {figure.reason}"
            for system, figures in self.systems.items()
            for name, figure in figures.items()
            if figure.value is not None and figure.reason
        ]

    def _reasons(self) -> list[str]:
        """Each reason once, with what it is the reason of."""
        by_reason: dict[str, dict[str, list[str]]] = {}
        for system, figures in self.systems.items():
            for name, figure in figures.items():
                if figure.value is None and figure.reason:
                    by_reason.setdefault(figure.reason, {}).setdefault(system, []).append(name)
        return [
            f"{reason} {'; '.join(f'{system}: {_listed(names)}' for system, names in told.items())}"
            for reason, told in by_reason.items()
        ]


INTERVALS = (
    "In brackets: 95 % intervals. A bootstrap resamples facts, with all of their questions; over several seeds, the "
    "spread between them is added."
)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _numbers(figures: Mapping[str, Figure]) -> dict[str, float | None]:
    return {name: None if f.value is None else round(f.value, 4) for name, f in figures.items()}


def _each(systems: Mapping[str, Mapping[str, Figure]], told: Callable[[Figure], Any]) -> dict[str, dict[str, Any]]:
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


def pick(
    prefix: str, by_round: Mapping[int, Mapping[str, Figure]], rounds: Sequence[int], reason: str = ""
) -> dict[str, Figure]:
    """`prefix_after_N` for each of the rounds; null with the reason where there is none."""
    return {
        f"{prefix}_after_{number}": by_round[number][prefix]
        if number in by_round
        else missing(reason or f"Most facts have fewer than {number} questions to correct, or it is not measured here.")
        for number in rounds
    }
