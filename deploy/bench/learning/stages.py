"""The three stages for one system: curve, stream, weights. Each gives figures, and series for the plots."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.ids import AdapterId
from bot.retrieval import Section
from deploy.bench.learning import adapters, curve, general, measures, stream, systems, weights
from deploy.bench.learning.bank import Bank
from deploy.bench.learning.curve import OnStep
from deploy.bench.learning.figures import Figure, missing, share
from deploy.bench.learning.stream import Kind, Lies
from deploy.bench.learning.systems import Opened, open_system
from deploy.bench.learning.table import pick
from deploy.bench.learning.writing import Writer
from deploy.settings import Settings

LIES = 0.1
"""Of the corrections, in the streams with liars."""
POISONED = {
    "poison_success": Kind.ONE, "poison_success_swapped": Kind.SWAPPED, "poison_success_number": Kind.NUMBER,
}  # fmt: skip
NOT_ALONG = "No adapter is retrained along the stream with --quick or --one-round: leave it out."
SAME_MEMORY = "It remembers as mentee does: see there."
ALONG_ALONE = "What it lacks shows along the stream alone: see there."
LEARNS_NOTHING = "Whatever agents say is lost on it."
NO_ADAPTER = "It has no adapter."
FEWER_LIES = "With --quick, lies of one kind alone are told: leave it out."
ONE_KIND = "Every answer is written anew, which takes hours: it is told lies of one kind alone."
NO_OOS = "No --oos file was given."
OF_LEARNING = ("one_shot_transfer", "stale", "forgetting", "backward_transfer")

Shown = Callable[[str, int], AbstractContextManager[OnStep]]


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
    choices: int
    """General questions with given choices."""
    written_tested: int
    """Test questions of each fact for what writes every answer, and for adapters: the first ones, the same for all."""
    written_rounds: tuple[int, ...]
    retrained_every: int
    """Corrections in the stream; 0: never there."""
    lies: tuple[Kind, ...] = (*Kind,)
    """The kinds that are told, each in a stream of its own."""
    epochs: int = 50
    """Of a retraining, at most; usually the setting is less."""


FULL = Size(300, 100, curve.ROUNDS, 1_500, 250, 80, 9, 170, 200, 2, (1, 6, 24), 10)
QUICK = Size(16, 4, (1, 6, 24), 200, 40, 12, 2, 10, 10, 1, (1, 6), 0, (Kind.ONE,), epochs=2)


@dataclass(frozen=True)
class Data:
    bank: Bank
    sections: Sequence[Section]
    general: Sequence[dict[str, Any]]
    out_of_scope: Sequence[str]


@dataclass
class Found:
    """What a stage found."""

    figures: dict[str, Figure]
    series: dict[str, dict[float, float]] = field(default_factory=dict)


@dataclass
class Stages:
    settings: Settings
    data: Data
    size: Size
    shown: Shown

    async def curve(self, name: str) -> Found:
        if name in systems.TRAINED_OTHERWISE:
            return Found(_of_curve({}, self.size.rounds, SAME_MEMORY) | {"oos_answered": missing(SAME_MEMORY)})
        writes = name in systems.WRITES
        bank = self._bank(self.size.written_tested if writes else self.size.tested)
        rounds = curve.rounds_of(bank, self.size.written_rounds if writes else self.size.rounds)
        asked = self.data.out_of_scope[: self.size.out_of_scope]
        learns = name not in systems.LEARNS_NOTHING
        steps = len(asked) + (curve.steps_of(bank, rounds) if learns else sum(len(f.tested) for f in bank.facts))
        with self._opened(name, bank) as opened, self.shown(f"{name}: corrections", steps) as on_step:
            if not learns:
                marks = dict.fromkeys(rounds, await curve.test(opened.system, bank.facts, on_step))
            else:
                alone = opened.trainer.retrain if opened.trainer and name in systems.WEIGHTS_ONLY else None
                marks = await curve.run(opened.system, bank, rounds, on_step, alone)
            strange = await curve.ask_all(opened.system, [(question, set()) for question in asked], on_step)
        by_round = {done: measures.of_marks(each) for done, each in marks.items()}
        measured_at = _measured_at(by_round)
        figures = _of_curve(by_round, self.size.rounds) | _of_strange(strange)
        return Found(figures, {"coverage_by_error": measures.by_error(marks[measured_at])})

    async def stream(self, name: str, seed: int) -> Found:
        if self._learns_along(name) and not self.size.retrained_every:
            untold = (*OF_LEARNING, "online_accuracy", "effort_last_vs_first")
            return Found(dict.fromkeys(untold, missing(NOT_ALONG)) | adapters.untold(NOT_ALONG))
        found = await self._play(name, seed)
        if name in systems.LEARNS_NOTHING:
            found.figures |= dict.fromkeys(OF_LEARNING, missing(LEARNS_NOTHING))
        return found

    async def lies(self, name: str, seed: int) -> Found:
        """Poisoning is measured in streams of their own, so that lies touch nothing else."""
        if self._learns_along(name) and not self.size.retrained_every:
            return Found(dict.fromkeys(POISONED, missing(NOT_ALONG)))
        if name in systems.LEARNS_NOTHING:
            return Found(dict.fromkeys(POISONED, missing(LEARNS_NOTHING)))
        return Found({measure: await self._poisoned(name, seed, kind) for measure, kind in POISONED.items()})

    @staticmethod
    def _learns_along(name: str) -> bool:
        """Whether a stream tells nothing of it unless adapters are retrained there."""
        return name in (*systems.TRAINED_OTHERWISE, *systems.WEIGHTS_ONLY)

    async def _poisoned(self, name: str, seed: int, kind: Kind) -> Figure:
        if kind not in self.size.lies:
            return missing(FEWER_LIES)
        if kind is not Kind.ONE and name in (*systems.WRITES, *systems.TRAINED_OTHERWISE):
            return missing(ONE_KIND if name in systems.WRITES else SAME_MEMORY)
        return (await self._play(name, seed, kind)).figures["poison_success"]

    async def _play(self, name: str, seed: int, lie: Kind | None = None) -> Found:
        """Without a kind of lies, nobody lies."""
        lies = Lies() if lie is None else Lies(LIES, lie)
        bank = self._bank(self.size.tested)
        events = list(stream.plan(bank, self.data.out_of_scope, self.size.events, seed))
        tested = self.size.written_tested if name in systems.WRITES else stream.TESTED
        shown = f"{name}: stream {seed + 1}" + (f", lies: {lie}" if lie is not None else "")
        with self._opened(name, bank, seed=seed) as opened, self.shown(shown, len(events)) as on_step:
            rounds = self._rounds(name, opened, has_lies=lie is not None)
            happened, accuracies = await stream.run(
                opened.system, events, seed, lies, on_step, rounds.consolidate if rounds is not None else None,
                0 if lie is not None or name in systems.LEARNS_NOTHING else tested,
            )  # fmt: skip
        served = {
            "forgetting": measures.forgetting(accuracies),
            "backward_transfer": measures.backward_transfer(accuracies),
        }
        of_adapters = rounds.figures() if rounds is not None else adapters.untold(self._no_rounds(name))
        series = {"accuracy_by_round": adapters.by_round(accuracies)} | (rounds.series() if rounds is not None else {})
        return Found(measures.of_stream(happened) | served | of_adapters, series)

    def _rounds(self, name: str, opened: Opened, *, has_lies: bool) -> adapters.Rounds | None:
        """Lies are told to adapters only where nothing else learns."""
        if opened.trainer is None or opened.writer is None or not self.size.retrained_every:
            return None
        if name not in systems.RETRAINS or (has_lies and name not in systems.WEIGHTS_ONLY):
            return None
        rounds = adapters.Rounds(opened.trainer, self.size.retrained_every, self.size.written_tested)
        return rounds if has_lies else rounds.measure_with(opened.writer, self._scoring(opened.writer))

    def _no_rounds(self, name: str) -> str:
        return NOT_ALONG if name in systems.RETRAINS else NO_ADAPTER

    async def weights(self, name: str, seed: int) -> dict[str, Found]:
        """The base model, in which nothing is drawn, is measured beside mentee's first."""
        if name not in (systems.MENTEE, systems.NO_KL, systems.TRL_NEWEST):
            return {name: Found(weights.untold(ALONG_ALONE if name in systems.RETRAINS else NO_ADAPTER))}
        bank = self.data.bank.sample(self.size.trained_facts, self.size.trained_tested)
        if len(bank.facts) < weights.UNSEEN_EVERY:
            return {name: Found(weights.untold("There are too few facts to keep some of them unseen."))}
        with_base = name == systems.MENTEE and seed == 0
        encoder, steps = systems.encoder(self.settings), weights.steps_of(bank, with_base=with_base)
        shown = f"{name}: adapter {seed + 1}"
        with self._opened(name, bank, [], seed) as opened, self.shown(shown, steps) as on_step:
            assert opened.writer is not None
            scoring = self._scoring(opened.writer)
            found = {name: Found(await weights.run(opened, bank, encoder, scoring, on_step))}
            if with_base:
                base = await weights.written(opened.writer, None, bank, encoder, on_step)
                base |= general.figures(self._general_before, self._general_before) if self.data.general else {}
                found[systems.BASE] = Found(base)
        return found

    # --- what they need --------------------------------------------------------------------------------------------

    def _bank(self, tested: int) -> Bank:
        return self.data.bank.sample(self.size.facts, tested)

    @contextmanager
    def _opened(
        self, name: str, bank: Bank, sections: Sequence[Section] | None = None, seed: int = 0
    ) -> Iterator[Opened]:
        read = self.data.sections if sections is None else sections
        with (
            tempfile.TemporaryDirectory() as folder,
            open_system(name, bank, read, self.settings, Path(folder), seed) as it,
        ):
            yield it

    @cached_property
    def _general(self) -> general.General:
        return general.sample(self.data.general, self.size.general, self.size.choices)

    @cached_property
    def _general_before(self) -> general.Scored:
        return general.score(systems.base_model(self.settings), None, self._general)

    def _scoring(self, writer: Writer) -> Callable[[AdapterId], dict[str, Figure]]:
        def score(adapter: AdapterId) -> dict[str, Figure]:
            if not self.data.general:
                return general.untold(general.NO_FILE)
            after = general.score(writer.base, writer.files.folder(adapter), self._general)
            return general.figures(self._general_before, after)

        return score


def _measured_at(by_round: Mapping[int, object]) -> int:
    return 6 if 6 in by_round else max(by_round)


def _of_curve(
    by_round: Mapping[int, Mapping[str, Figure]], rounds: Sequence[int], reason: str = ""
) -> dict[str, Figure]:
    shown = sorted({1, 6, 24, *rounds})
    figures = pick("strict", by_round, shown, reason) | pick("at_once", by_round, shown, reason)
    for name in ("likeliest_right", "wrong", "asked_back", "handed_off"):
        figures |= pick(name, by_round, (1, 6), reason)
    name = "coverage_at_5pct_error"
    return figures | {name: by_round[_measured_at(by_round)][name] if by_round else missing(reason)}


def _of_strange(replies: Sequence[Any]) -> dict[str, Figure]:
    if not replies:
        return {"oos_answered": missing(NO_OOS)}
    return {
        "oos_answered": share([(str(i), reply.is_answered) for i, reply in enumerate(replies)]),
        "oos_asked_back": share([(str(i), reply.asked_back) for i, reply in enumerate(replies)]),
    }
