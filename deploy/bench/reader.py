"""The adapter that is measured: it has to have learnt to read, since the base model alone does not copy its sources.

Without one, a small one is trained on the demo product's FAQ in about a minute, and kept for the next time.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from bot.ids import AdapterId, FactId
from bot.lineage import Progress
from bot.retrieval import Section
from deploy.bench.workloads import FAQ, grounded, sections
from deploy.parts import say_stage
from learning.examples import LEANS_ON_SECTION, Example, Kind
from learning.models import BaseModel
from learning.precision import load_base
from learning.recipe import Recipe
from learning.training import adapt, plan_steps, train
from learning.wording import share_within
from storage.adapter_files import AdapterFiles

READER = AdapterId("reader")
RECIPE = Recipe(epochs=1, kl_weight=0.0, max_tokens=320)
MOST_EXAMPLES = 48
MEASURED_SECTIONS = 20
"""The longest ones are asked about in the benchmarks: they are left out of the training."""
WEAKEST = 0.3
"""How much of the adapter is left in the last of its copies."""


@dataclass(frozen=True)
class Reader:
    base: BaseModel
    tokenizer: PreTrainedTokenizerBase
    files: AdapterFiles
    adapter: AdapterId

    @property
    def folder(self) -> Path:
        return self.files.folder(self.adapter)


@dataclass
class Deployed:
    """Says which version is deployed."""

    adapter: AdapterId

    async def __call__(self) -> AdapterId:
        return self.adapter


def find_reader(base: BaseModel, folder: Path | None, cache: Path) -> Reader:
    """The adapter in that folder, or the bench's own. Raises AdapterBroken."""
    own = cache / "bench" / f"adapters-{base.sha256[:12]}-rank-{RECIPE.rank}" / READER
    chosen = folder.absolute() if folder is not None else own
    files, adapter = AdapterFiles(chosen.parent, base.sha256), AdapterId(chosen.name)
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    if folder is None and not own.exists():
        train_reader(base, tokenizer, files, reading_examples(sections()[MEASURED_SECTIONS:])[:MOST_EXAMPLES])
    files.verify(adapter)
    return Reader(base, tokenizer, files, adapter)


def reading_examples(known: Sequence[Section]) -> list[Example]:
    """The demo's FAQ entries that can be read from one of the sections."""
    with FAQ.open(encoding="utf-8", newline="") as file:
        rows = [(row, _source(row["answer"], known)) for row in csv.DictReader(file)]
    return [
        Example(FactId(row["id"]), Kind.READING, tuple(grounded(section, row["question"])), row["answer"])
        for row, section in rows
        if section is not None
    ]


def _source(answer: str, known: Sequence[Section]) -> Section | None:
    best = max(known, key=lambda section: share_within(answer, section.text))
    return best if share_within(answer, best.text) >= LEANS_ON_SECTION else None


def train_reader(
    base: BaseModel, tokenizer: PreTrainedTokenizerBase, files: AdapterFiles, examples: Sequence[Example]
) -> None:
    model = adapt(load_base(str(base.folder), "fp32"), RECIPE)
    steps = plan_steps(tokenizer, examples, [], RECIPE)
    train(model, steps, RECIPE, lambda step, total, _: say_stage(Progress(f"Training a reader: {step}", step, total)))
    _publish(model, files, READER, base)


@contextmanager
def copies(reader: Reader, number: int) -> Iterator[tuple[AdapterFiles, list[AdapterId]]]:
    """Adapters that are all a little weaker than the one before: each writes texts of its own."""
    with TemporaryDirectory() as folder:
        files = AdapterFiles(Path(folder), reader.base.sha256)
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(reader.base.folder), str(reader.folder))
        weaken = WEAKEST ** (1 / max(1, number - 1))
        ids = [AdapterId(f"copy-{i}") for i in range(number)]
        for adapter in ids:
            _publish(model, files, adapter, reader.base)
            _scale(model, weaken)
        yield files, ids


@torch.no_grad()
def _scale(model: PeftModel, factor: float) -> None:
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.mul_(factor)


def _publish(model: PeftModel, files: AdapterFiles, adapter: AdapterId, base: BaseModel) -> None:
    staged = files.stage(adapter)
    model.save_pretrained(str(staged))
    files.publish(adapter, staged, base.sha256)
