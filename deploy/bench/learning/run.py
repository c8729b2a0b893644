"""The benchmark from top to bottom. A run that was interrupted goes on at the stage where it stopped."""

import asyncio
import hashlib
import json
import sys
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.errors import SettingError
from bot.policy import Policy
from bot.retrieval import Section
from deploy.bench.learning import curve, measures, stream, weights
from deploy.bench.learning.bank import Bank, read_bank, read_sections, read_split
from deploy.bench.learning.curve import OnStep
from deploy.bench.learning.measures import Figure, missing, over_seeds, share
from deploy.bench.learning.product import open_product
from deploy.bench.learning.rivals import NearestNeighbour, System
from deploy.bench.learning.stream import Kind, Lies
from deploy.bench.learning.table import LearningReport, pick
from deploy.parts import say_stage
from deploy.settings import Settings
from learning.encoder import MiniLmEncoder
from learning.models import resolve_encoder

MENTEE = "mentee"
NEAREST = "nearest"
BASE = "base"
VARIANTS: Mapping[str, Callable[[Policy], Policy]] = {
    MENTEE: lambda policy: policy,
    "mentee-no-asking-back": lambda policy: replace(policy, clarify_from=2.0, offer_from=2.0),
    "mentee-no-phrasing-growth": lambda policy: replace(policy, emoji={}),
    "mentee-no-trust": lambda policy: replace(policy, trust_from=0.0, lessons_an_hour=0),
}
SYSTEMS = (*VARIANTS, NEAREST)
LIES = 0.1
POISONED = {
    "poison_success": Kind.ONE, "poison_success_swapped": Kind.SWAPPED, "poison_success_number": Kind.NUMBER,
}  # fmt: skip
GENERAL_TEXTS = 170


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    facts: int
    tested: int
    """Test questions of each fact."""
    rounds: tuple[int, ...]
    events: int
    out_of_scope: int
    trained_facts: int
    """Taught and never seen ones together."""
    trained_tested: int
    general: int


FULL = Size(300, 100, curve.ROUNDS, 1_500, 250, 80, 9, GENERAL_TEXTS)
QUICK = Size(40, 3, (1, 6, 24), 200, 60, 16, 2, 20)


@dataclass(frozen=True)
class Data:
    bank: Bank
    sections: Sequence[Section]
    general: Sequence[dict[str, Any]]
    out_of_scope: Sequence[str]


@dataclass(frozen=True)
class Options:
    data: Path
    kb: Path | None
    general: Path | None
    oos: Path | None
    seeds: int
    systems: Sequence[str]
    quick: bool
    out: Path


def run(options: Options, settings: Settings) -> None:
    """Raises DataFileUnusable, SettingError."""
    warnings.filterwarnings("ignore", module="transformers")  # peft asks for one of its deprecated names
    unknown = set(options.systems) - set(SYSTEMS)
    if unknown:
        raise SettingError(f"There is no system {', '.join(sorted(unknown))}. There are: {', '.join(SYSTEMS)}.")
    data, size = read(options), QUICK if options.quick else FULL
    options.out.mkdir(parents=True, exist_ok=True)
    report = LearningReport(_about(options, size, data))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        asyncio.run(Run(options, settings, data, size, report, bar).all())
    report.show(Console())


def read(options: Options) -> Data:
    """Raises DataFileUnusable."""
    text = ("question", "answer")
    return Data(
        bank=read_bank(options.data),
        sections=read_sections(options.kb) if options.kb is not None else [],
        general=read_split(options.general, "test", text) if options.general is not None else [],
        out_of_scope=[row["question"] for row in read_split(options.oos, "test", text[:1])] if options.oos else [],
    )


def _about(options: Options, size: Size, data: Data) -> dict[str, Any]:
    files = [path for path in (options.data, options.kb, options.general, options.oos) if path is not None]
    return {
        "command": " ".join(["mentee", *sys.argv[1:]]),
        "size": asdict(size),
        "seeds": options.seeds,
        "facts": len(data.bank.facts),
        "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }


@dataclass
class Run:
    options: Options
    settings: Settings
    data: Data
    size: Size
    report: LearningReport
    bar: Progress

    async def all(self) -> None:
        for name in self.options.systems:
            await self._stage(name, "curve", self._curve)
            await self._stage(name, "stream", self._stream)
        if MENTEE in self.options.systems:
            await self._stage(MENTEE, "weights", self._weights)

    async def _stage(
        self, system: str, stage: str, measure: Callable[[str], Awaitable[dict[str, dict[str, Figure]]]]
    ) -> None:
        """Measure, unless an earlier run with the same data and size has."""
        known = [self.report.about[name] for name in ("size", "seeds", "sha256")]
        key = hashlib.sha256(json.dumps([known, system, stage], sort_keys=True).encode()).hexdigest()[:16]
        path = self.options.out / "stages" / f"{system}-{stage}-{key}.json"
        if path.exists():
            content = json.loads(path.read_text())
            found = {name: {k: Figure(**f) for k, f in figures.items()} for name, figures in content.items()}
        else:
            found = await measure(system)
            path.parent.mkdir(exist_ok=True)
            content = {name: {k: asdict(f) for k, f in figures.items()} for name, figures in found.items()}
            path.write_text(json.dumps(content))
        for name, figures in found.items():
            self.report.add(name, figures)
        self.report.write(self.options.out)

    # --- the stages ------------------------------------------------------------------------------------------------

    async def _curve(self, name: str) -> dict[str, dict[str, Figure]]:
        bank = self.data.bank.sample(self.size.facts, self.size.tested)
        rounds = curve.rounds_of(bank, self.size.rounds)
        asked = self.data.out_of_scope[: self.size.out_of_scope]
        with (
            self._opened(name, bank) as system,
            self._shown(f"{name}: corrections", curve.steps_of(bank, rounds) + len(asked)) as on_step,
        ):
            marks = await curve.run(system, bank, rounds, on_step)
            strange = []
            for question in asked:
                strange.append(await system.ask(question, set()))
                on_step()
        by_round = {done: measures.of_marks(each) for done, each in marks.items()}
        return {name: _of_curve(by_round) | _of_strange(strange)}

    async def _stream(self, name: str) -> dict[str, dict[str, Figure]]:
        return {name: over_seeds([await self._seed(name, seed) for seed in range(self.options.seeds)])}

    async def _seed(self, name: str, seed: int) -> dict[str, Figure]:
        """Poisoning is measured in a stream of its own, so that lies touch nothing else."""
        bank = self.data.bank.sample(self.size.facts, self.size.tested)
        events = list(stream.plan(bank, self.data.out_of_scope, self.size.events, seed))
        figures: dict[str, Figure] = {}
        for measure, kind in POISONED.items():
            with (
                self._opened(name, bank) as system,
                self._shown(f"{name}: {measure} {seed + 1}", len(events)) as on_step,
            ):
                happened, _ = await stream.run(system, events, seed, Lies(LIES, kind), on_step)
            figures[measure] = measures.of_stream(happened)["poison_success"]
        with self._opened(name, bank) as system, self._shown(f"{name}: stream {seed + 1}", len(events)) as on_step:
            happened, rounds = await stream.run(system, events, seed, Lies(), on_step)
        measured = measures.of_stream(happened) | {"forgetting": measures.forgetting(rounds)}
        return measured | figures

    async def _weights(self, name: str) -> dict[str, dict[str, Figure]]:
        bank = self.data.bank.sample(self.size.trained_facts, self.size.trained_tested)
        if len(bank.facts) < weights.UNSEEN_EVERY:
            return {name: {"closed_book": missing("There are too few facts to keep some of them unseen.")}}
        parts = weights.split(bank)
        taught, unseen = (sum(len(fact.tested) for fact in facts) for facts in (parts.taught, parts.unseen))
        steps = len(parts.taught) + (taught + unseen) + 2 * (taught + 2 * unseen)
        with (
            tempfile.TemporaryDirectory() as folder,
            open_product(bank, [], self.settings, Path(folder)) as product,
            self._shown(f"{name}: an adapter", steps) as on_step,
        ):
            general = self.data.general[: self.size.general]
            ours, base = await weights.run(product, general, self._encoder(), on_step)
        return {name: ours, BASE: base}

    # --- what they need --------------------------------------------------------------------------------------------

    @contextmanager
    def _opened(self, name: str, bank: Bank) -> Iterator[System]:
        if name == NEAREST:
            yield NearestNeighbour(self._encoder())
            return
        with tempfile.TemporaryDirectory() as folder:
            policy = VARIANTS[name](self.settings.policy())
            with open_product(bank, self.data.sections, self.settings, Path(folder), policy) as product:
                yield product

    def _encoder(self) -> MiniLmEncoder:
        return MiniLmEncoder(resolve_encoder(self.settings.cache_dir, say_stage))

    @contextmanager
    def _shown(self, name: str, steps: int) -> Iterator[OnStep]:
        task = self.bar.add_task(name, total=steps)
        yield lambda: self.bar.advance(task)
        self.bar.remove_task(task)


def _of_curve(by_round: Mapping[int, Mapping[str, Figure]]) -> dict[str, Figure]:
    measured_at = 6 if 6 in by_round else max(by_round)
    shown = sorted({1, 6, 24, *by_round})
    figures = pick("strict", by_round, shown) | pick("at_once", by_round, shown)
    for name in ("likeliest_right", "wrong", "asked_back"):
        figures |= pick(name, by_round, (6,))
    return figures | {"coverage_at_5pct_error": by_round[measured_at]["coverage_at_5pct_error"]}


def _of_strange(replies: Sequence[Any]) -> dict[str, Figure]:
    if not replies:
        return {"oos_answered": missing("No --oos file was given.")}
    return {
        "oos_answered": share([(str(i), reply.is_answered) for i, reply in enumerate(replies)]),
        "oos_asked_back": share([(str(i), reply.asked_back) for i, reply in enumerate(replies)]),
    }
