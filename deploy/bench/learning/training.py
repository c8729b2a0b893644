"""Who makes an adapter of the corrections: Mentee's own cycle, or a training that goes on from the adapter before.

Knows nothing of what is measured.
"""

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from peft import PeftModel
from transformers import AutoTokenizer

from bot.feedback import Fact, facts_of
from bot.ids import AdapterId, FactId, new_id
from bot.lineage import Decision
from bot.people import OPERATOR, Person
from deploy.bench.learning.product import Product, Reply
from deploy.bench.learning.writing import Writer, Written
from deploy.parts import make_cycle
from learning.dataset import Dataset, build
from learning.distillation import imagine
from learning.encoder import MpnetEncoder
from learning.lora import shorten
from learning.models import resolve_encoder
from learning.precision import load_base
from learning.recipe import Recipe
from learning.starter.finding import find_starter
from learning.training import adapt, plan_steps, train
from storage.adapter_files import AdapterFiles


@dataclass(frozen=True)
class Trained:
    """What a retraining came to, and what it cost."""

    reason: str
    """What the gate said, or why none was trained."""
    adapter: AdapterId | None = None
    """The one that was trained, whether it answers or not; None where none was."""
    promoted: bool = False
    """It answers from now on."""
    answers: frozenset[str] = frozenset()
    """Those that it was trained on: some of what was taught is kept to judge by."""
    seconds: float = 0.0
    cpu_s: float = 0.0
    mb: float = 0.0
    """What it left on disk, in 10^6 bytes."""


class Trainer(Protocol):
    async def retrain(self) -> Trained:
        """On what was taught until now."""
        ...


class OwnCycle:
    """One turn of the slow loop, as `mentee retrain` does it."""

    def __init__(self, product: Product, recipe: Recipe, *, is_gated: bool = True) -> None:
        """Without the gate each adapter is promoted by hand."""
        self._product = product
        self._recipe = recipe
        self._is_gated = is_gated

    async def retrain(self) -> Trained:
        product = self._product
        return await _measured(self._turn, AdapterFiles(product.kept.settings.adapters_dir))

    async def _turn(self) -> Trained:
        kept, base = self._product.kept, self._product.models.base
        await kept.store.run(lambda unit: kept.commands.request_run(unit, f"bench:{new_id()}", OPERATOR, None))
        report = await make_cycle(kept, base, self._product.models.memory, self._recipe).run_next("bench")
        assert report is not None
        name = report.adapter
        adapter = await kept.store.run(lambda unit: unit.adapters.named(name)) if name is not None else None
        if adapter is None:
            return Trained(" ".join(report.reasons))
        promoted = report.decision is Decision.PROMOTED
        if not promoted and not self._is_gated:
            await self._product.bot.desk.promote(adapter.name)
            promoted = True
        await self._product.models.engine.refresh()
        lessons = await kept.store.run(lambda unit: unit.lessons.all())
        answers = frozenset(lesson.answer for lesson in lessons if lesson.id in adapter.lessons)
        return Trained(" ".join(report.reasons), adapter.id, promoted, answers)


class OnNewest:
    """Mentee's losses on the lessons and phrasings since the last time alone, on top of the adapter before, the first
    one being the starter."""

    def __init__(self, product: Product, recipe: Recipe) -> None:
        self._product = product
        self._recipe = recipe
        self._files = AdapterFiles(product.kept.settings.adapters_dir, product.models.base.sha256)
        self._seen: set[tuple[FactId, str, str]] = set()
        self._before: AdapterId | None = None

    async def retrain(self) -> Trained:
        return await _measured(self._turn, self._files)

    async def _turn(self) -> Trained:
        newest = await self._newest()
        dataset = build(newest, [], self._recipe.seed)
        if not dataset.train:
            return Trained("Nothing of what was new is trained on.")
        before = self._files.folder(self._before) if self._before is not None else None
        adapter = AdapterId(new_id())
        await asyncio.to_thread(self._train, dataset, before, adapter)
        self._before = adapter
        answers = frozenset(fact.lesson.answer for fact in newest if fact.lesson.id in dataset.lessons)
        return Trained("", adapter, promoted=True, answers=answers)

    async def _newest(self) -> list[Fact]:
        store = self._product.kept.store
        facts = await store.run(lambda unit: facts_of(unit.lessons.all(), unit.lessons.phrasings()))
        newest = []
        for fact in facts:
            new = [text for text in fact.submitted if (fact.id, text, fact.lesson.answer) not in self._seen]
            self._seen |= {(fact.id, text, fact.lesson.answer) for text in new}
            if new:
                newest.append(replace(fact, phrasings=tuple(new)))
        return newest

    def _train(self, dataset: Dataset, before: Path | None, adapter: AdapterId) -> None:
        base = self._product.models.base
        start = find_starter(base, self._product.kept.settings.cache_dir)
        model = adapted(base.folder, before, self._recipe, start)
        tokenizer = AutoTokenizer.from_pretrained(base.folder)
        encoder = MpnetEncoder(resolve_encoder(self._product.kept.settings.cache_dir))
        imagined = imagine(dataset.train, [], encoder, self._recipe)
        steps = plan_steps(tokenizer, dataset.train, dataset.general, self._recipe, imagined)
        train(model, steps, self._recipe, _silent)
        publish(model, adapter, self._files, base.sha256)


class WeightsOnly(Written):
    """Lessons are taken the product's way; all that is said is written by the live adapter, without any memory."""

    def __init__(self, writer: Writer, product: Product, trainer: Trainer) -> None:
        super().__init__(writer)
        self._product = product
        self._trainer = trainer

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None:
        posted = await self._product.ask(reply.question, set())  # what can be corrected has to be posted
        await self._product.correct(posted, answer, teacher)

    async def retrain(self) -> Trained:
        trained = await self._trainer.retrain()
        if trained.promoted:
            self.adapter = trained.adapter
        return trained


class TrlNewest(Written):
    """TRL's SFTTrainer on the newest corrections alone, on top of the adapter before: what a script would do."""

    def __init__(self, writer: Writer, seed: int) -> None:
        super().__init__(writer)
        self._seed = seed
        self._newest: list[tuple[str, str]] = []

    async def correct(self, reply: Reply, answer: str, teacher: Person) -> None:
        self._newest.append((reply.question, answer))

    async def retrain(self) -> Trained:
        return await _measured(self._turn, self.writer.files)

    async def _turn(self) -> Trained:
        if not self._newest:
            return Trained("There was nothing new.")
        adapter, lessons, self._newest = AdapterId(new_id()), self._newest, []
        before = self.writer.files.folder(self.adapter) if self.adapter is not None else None
        await asyncio.to_thread(self._train, lessons, before, adapter)
        self.adapter = adapter
        return Trained("", adapter, promoted=True, answers=frozenset(answer for _, answer in lessons))

    def _train(self, lessons: Sequence[tuple[str, str]], before: Path | None, adapter: AdapterId) -> None:
        from deploy.bench.trl_rival import go_on  # TRL need not be installed

        base = self.writer.base
        model = adapted(base.folder, before, Recipe(seed=self._seed))
        go_on(model, base.folder, lessons, self._seed)
        publish(model, adapter, self.writer.files, base.sha256)


def adapted(base: Path, before: Path | None, recipe: Recipe, start: Path | None = None) -> PeftModel:
    """The base model with the adapter before, or with a new one, that of the folder `start` where there is one."""
    if before is None:
        return adapt(load_base(base, "fp32"), recipe, start)
    model: PeftModel = PeftModel.from_pretrained(load_base(base, "fp32"), str(before), is_trainable=True)
    shorten(model)
    return model.train()


def publish(model: PeftModel, adapter: AdapterId, files: AdapterFiles, base_sha256: str) -> None:
    staged = files.stage(adapter)
    model.save_pretrained(str(staged))
    files.publish(adapter, staged, base_sha256)


async def _measured(turn: Callable[[], Awaitable[Trained]], files: AdapterFiles) -> Trained:
    started, cpu = time.monotonic(), _cpu_s()
    came = await turn()
    folder = files.folder(came.adapter) if came.adapter is not None else None
    mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6 if folder is not None else 0.0
    return replace(came, seconds=time.monotonic() - started, cpu_s=_cpu_s() - cpu, mb=mb)


def _cpu_s() -> float:
    """Of this process and of those that it has seen end."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _silent(step: int, steps: int, loss: float) -> None:
    """Nobody looks."""
