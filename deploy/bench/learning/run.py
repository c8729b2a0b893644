"""The benchmark from top to bottom. A run that was interrupted goes on at the stage where it stopped."""

import asyncio
import hashlib
import json
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from transformers import AutoTokenizer

from bot.errors import SettingError
from bot.prompting import closed_book_prompt
from deploy.bench.learning import plots, stages, systems
from deploy.bench.learning.bank import read_bank, read_sections, read_split
from deploy.bench.learning.curve import OnStep
from deploy.bench.learning.figures import Figure, missing, over_seeds
from deploy.bench.learning.stages import Data, Found, Size, Stages
from deploy.bench.learning.stream import ROUNDS
from deploy.bench.learning.table import METRICS, LearningReport
from deploy.settings import Settings
from learning.chat_format import encode_prompt

Content = dict[str, Found]
"""What a stage found, by system."""


DECISIVE = {
    "base_model", "engine", "training_epochs", "training_method", "training_precision", "training_minutes",
    "known_from", "clarify_from", "offer_from", "grounded_from", "covered_from", "clear_by", "supported_from",
}  # fmt: skip
"""Settings on which figures depend."""


@dataclass(frozen=True)
class Options:
    data: Path
    kb: Path | None
    general: Path | None
    oos: Path | None
    seeds: int
    systems: Sequence[str]
    """Names; none: all, or in the quick run those of systems.QUICK."""
    quick: bool
    one_round: bool
    """Nothing is retrained along the stream."""
    out: Path


def run(options: Options, settings: Settings) -> None:
    """Raises DataFileUnusable, SettingError, ModelFileError."""
    warnings.filterwarnings("ignore", module="transformers|trl")  # they and peft ask for names that go
    names = options.systems or (systems.QUICK if options.quick else systems.SYSTEMS)
    unknown = set(names) - set(systems.SYSTEMS)
    if unknown:
        raise SettingError(f"There is no system {', '.join(sorted(unknown))}. There are: {', '.join(systems.SYSTEMS)}.")
    data, size = read(options), stages.QUICK if options.quick else stages.FULL
    if options.one_round:
        size = replace(size, retrained_every=0)
    settings = settings.model_copy(update={"training_epochs": min(settings.training_epochs, size.epochs)})
    if set(names) & {*systems.WRITES, *systems.RETRAINS}:
        _check_base_model(settings)
    options.out.mkdir(parents=True, exist_ok=True)
    report = LearningReport(_about(options, settings, size, data))
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        asyncio.run(Run(names, options, settings, data, size, report, bar).all())
    report.show(Console())
    if not plots.can_draw():
        console.print(plots.HOW_TO)


def read(options: Options) -> Data:
    """Raises DataFileUnusable."""
    text = ("question", "answer")
    return Data(
        bank=read_bank(options.data),
        sections=read_sections(options.kb) if options.kb is not None else [],
        general=read_split(options.general, "test", text) if options.general is not None else [],
        out_of_scope=[row["question"] for row in read_split(options.oos, "test", text[:1])] if options.oos else [],
    )


def _check_base_model(settings: Settings) -> None:
    """A model that can't be asked anything is told at once, not after an hour. Raises ModelFileError."""
    base = systems.base_model(settings)
    encode_prompt(AutoTokenizer.from_pretrained(base.folder), closed_book_prompt("Who?"))


def _about(options: Options, settings: Settings, size: Size, data: Data) -> dict[str, Any]:
    files = [path for path in (options.data, options.kb, options.general, options.oos) if path is not None]
    return {
        "command": " ".join(["mentee", *sys.argv[1:]]),
        "size": asdict(size),
        "version": version("mentee"),
        "seeds": options.seeds,
        "facts": len(data.bank.facts),
        "settings": settings.model_dump(mode="json", include=DECISIVE),
        "sha256": {path.name: _sha256(path) for path in files},
        "notes": _notes(settings, size, data),
    }


def _notes(settings: Settings, size: Size, data: Data) -> list[str]:
    facts = min(size.facts, len(data.bank.facts))
    notes = [
        f"{facts} of {len(data.bank.facts)} facts, at most {size.tested} test questions each; what writes every answer "
        f"({', '.join(systems.WRITES)}), and adapters along the stream, get the first {size.written_tested} of them, "
        "the same for all.",
        f"{size.events} events in a stream; adapters are retrained after "
        + (
            f"{size.retrained_every} or more corrections, at most {ROUNDS} times."
            if size.retrained_every
            else "none of them."
        ),
    ]
    notes.append(f"{settings.training_epochs} epochs of each retraining.")
    if data.bank.left_out:
        notes.append(f"{data.bank.left_out} test questions are taught word for word, too, and were left out.")
    return notes


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass
class Run:
    names: Sequence[str]
    options: Options
    settings: Settings
    data: Data
    size: Size
    report: LearningReport
    bar: Progress
    stages: Stages = field(init=False)

    def __post_init__(self) -> None:
        self.stages = Stages(self.settings, self.data, self.size, self._shown)

    async def all(self) -> None:
        for name in self.names:
            if reason := systems.lacks(name, self.data.sections):
                self._report({name: Found(dict.fromkeys(METRICS, missing(reason)))})
                continue
            self._report(await self._kept(name, "curve"))
            for stage in ("stream", "lies", "weights"):
                seeds = [await self._kept(name, f"{stage}-{seed}") for seed in range(self.options.seeds)]
                self._report(_over_seeds(seeds))

    def _report(self, content: Content) -> None:
        for name, found in content.items():
            self.report.add(name, found.figures, found.series)
        self.report.write(self.options.out)

    async def _kept(self, system: str, stage: str) -> Content:
        """What an earlier run of this version with the same data, size and settings found, else what is found now."""
        known = [self.report.about[name] for name in ("size", "sha256", "settings", "version")]
        key = hashlib.sha256(json.dumps([known, system, stage], sort_keys=True).encode()).hexdigest()[:16]
        path = self.options.out / "stages" / f"{system}-{stage}-{key}.json"
        if path.exists():
            return _read(path)
        content = await self._measure(system, stage)
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps({name: asdict(found) for name, found in content.items()}))
        unfinished.replace(path)
        return content

    async def _measure(self, system: str, stage: str) -> Content:
        if stage == "curve":
            return {system: await self.stages.curve(system)}
        kind, _, seed = stage.partition("-")
        if kind == "weights":
            return await self.stages.weights(system, int(seed))
        play = self.stages.lies if kind == "lies" else self.stages.stream
        return {system: await play(system, int(seed))}

    @contextmanager
    def _shown(self, name: str, steps: int) -> Iterator[OnStep]:
        task = self.bar.add_task(name, total=steps)
        yield lambda: self.bar.advance(task)
        self.bar.remove_task(task)


def _read(path: Path) -> Content:
    content: Mapping[str, Any] = json.loads(path.read_text())
    return {
        name: Found(
            {key: Figure(**figure) for key, figure in found["figures"].items()},
            {key: {float(x): y for x, y in points.items()} for key, points in found["series"].items()},
        )
        for name, found in content.items()
    }


def _over_seeds(seeds: Sequence[Content]) -> Content:
    """Means of the figures; the first seed's series."""
    return {
        name: Found(over_seeds([content[name].figures for content in seeds if name in content]), found.series)
        for name, found in seeds[0].items()
    }
