"""Makes the starter adapter of a base model: `mentee starter`. The same base, data and seed give the same bytes."""

import hashlib
import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from bot.lineage import Evaluation
from learning.card import write_card
from learning.dataset import Dataset, general_examples
from learning.models import BaseModel
from learning.precision import Wanted
from learning.process import OnProgress, train_and_judge
from learning.promotion import decide
from learning.recipe import Recipe
from learning.starter.finding import ABOUT, WEIGHTS
from learning.starter.practice import ROUNDS, examples, read_practice
from learning.trainer import Spec

RECIPE = Recipe(rank=8, alpha=16, learning_rate=5e-4, epochs=1, kl_weight=0.3, general_share=0.15, imagined=0.0)
"""Each round of practice shows the facts anew, so that one epoch is enough."""


def dataset(demo: Path, seed: int = RECIPE.seed) -> Dataset:
    """Judged on groups of facts that are not trained on, each once."""
    trained, held_out = read_practice(demo)
    rng = random.Random(seed)
    train = examples(trained, ROUNDS, rng)
    judge = examples(held_out, 1, rng)
    return Dataset(
        train=tuple(train), general=general_examples("replay"), judge=(*judge, *general_examples("held_out")),
        taught=(), canaries=(), lessons=(),
    )  # fmt: skip


def sha256_of(data: Dataset) -> str:
    """Of what is trained on, whatever it is judged on; the shorter prompts follow from the others."""
    trained = [
        [{name: value for name, value in row.items() if name != "shorter"} for row in _rows(part)]
        for part in (data.train, data.general)
    ]
    return hashlib.sha256(json.dumps(trained, sort_keys=True).encode()).hexdigest()


async def build(
    base: BaseModel, demo: Path, out: Path, work: Path, on_progress: OnProgress, *,
    precision: Wanted = "auto", memory_mb: int = 8_000, threads: int = 0,
) -> Evaluation:  # fmt: skip
    """Train it into the folder `out`; how it reads beside the base model. Killed and called again, it goes on.

    Raises OperatorError, LostRun as a retraining does.
    """
    data = dataset(demo)
    staged = work / "adapter"
    staged.mkdir(parents=True, exist_ok=True)
    spec = Spec(
        base=str(base.folder), base_name=base.name, champion=None, start=None,
        train=list(_rows(data.train)), general=list(_rows(data.general)), judge=list(_rows(data.judge)), asked=[],
        recipe=asdict(RECIPE), out=str(staged), work=str(work), precision=precision, memory_mb=memory_mb,
        threads=threads, encoder=None, judging_s=0.0,
    )  # fmt: skip
    outcome = await train_and_judge(spec, on_progress)
    evaluation = decide(outcome.champion, outcome.challenger, 0).evaluation
    write_card(
        staged, name="starter", adapter="starter", run="starter", base=base.name, base_sha256=base.sha256,
        dataset_sha256=sha256_of(data), lessons=(), recipe=RECIPE, setup=outcome.setup, evaluation=evaluation,
    )  # fmt: skip
    _halve(staged / WEIGHTS)
    about = {"base_sha256": base.sha256, "dataset_sha256": sha256_of(data), "recipe": asdict(RECIPE)}
    (staged / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(staged, out)
    return evaluation


def _rows(of: tuple[object, ...]) -> Iterator[dict[str, object]]:
    return (asdict(example) for example in of)  # type: ignore[call-overload]


def _halve(path: Path) -> None:
    """fp16: half the size, at differences far below those that training leaves from seed to seed."""
    save_file({name: weight.to(torch.float16) for name, weight in load_file(path).items()}, path, {"format": "pt"})
