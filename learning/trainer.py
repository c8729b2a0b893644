"""The training process: `python -m learning.trainer SPEC.json`. Trains, then judges champion and challenger.

A process of its own, of low priority and with a memory limit, so that serving survives whatever happens here. It talks
to its parent by lines of JSON on standard output, and leaves an adapter folder and `scores.json`. Knows nothing of
databases; it decides nothing.
"""

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from bot.prompting import Message
from learning.evaluation import Score, judge
from learning.examples import Example, Kind
from learning.recipe import Recipe
from learning.training import train

EXIT_OUT_OF_MEMORY = 71
EXIT_DISK_FULL = 72


@dataclass(frozen=True)
class Spec:
    """Everything that the training process is told."""

    base: str
    """Folder of the base model."""
    base_name: str
    """What the adapter's config names as its base."""
    champion: str | None
    """Adapter folder; None is the base model."""
    train: list[dict[str, Any]]
    general: list[dict[str, Any]]
    judge: list[dict[str, Any]]
    recipe: dict[str, Any]
    out: str
    scores: str
    memory_mb: int
    threads: int


def main(spec_path: str) -> None:
    spec = Spec(**json.loads(Path(spec_path).read_text(encoding="utf-8")))
    _be_modest(spec)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(spec.base)
    model = train(
        _load(spec.base), tokenizer, _examples(spec.train), _examples(spec.general), Recipe(**spec.recipe),
        Reporter("Training").step,
    )  # fmt: skip
    _save(model, spec)
    items = _examples(spec.judge)
    challenger = _judge(model, tokenizer, items, "Judging the new adapter")
    champion = _judge(_champion(spec), tokenizer, items, "Judging the present one")
    scores = {"champion": [asdict(s) for s in champion], "challenger": [asdict(s) for s in challenger]}
    Path(spec.scores).write_text(json.dumps(scores), encoding="utf-8")


class Reporter:
    """Writes progress with the time that is left, at most twice a second."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.started = time.monotonic()
        self.said = 0.0

    def step(self, done: int, total: int, loss: float | None = None) -> None:
        now = time.monotonic()
        if now - self.said < 0.5 and done < total:
            return
        self.said = now
        left = (now - self.started) / done * (total - done)
        print(json.dumps({"stage": self.stage, "done": done, "total": total, "eta": left, "loss": loss}), flush=True)


def _be_modest(spec: Spec) -> None:
    """Yield the processors to serving, and be the first to go when memory is short."""
    os.nice(10)
    torch.set_num_threads(spec.threads)
    limit = spec.memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with contextlib.suppress(OSError):  # not on Linux, or not allowed: the limit above still holds
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _load(folder: str) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model


def _champion(spec: Spec) -> PreTrainedModel | PeftModel:
    base = _load(spec.base)
    return PeftModel.from_pretrained(base, spec.champion) if spec.champion is not None else base


def _judge(
    model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, items: Sequence[Example], stage: str
) -> list[Score]:
    merged = model.merge_and_unload() if isinstance(model, PeftModel) else model
    return judge(merged, tokenizer, items, Reporter(stage).step)


def _save(model: PeftModel, spec: Spec) -> None:
    """A PEFT folder that names its base model by its public name instead of a path of this machine."""
    model.peft_config["default"].base_model_name_or_path = spec.base_name
    model.save_pretrained(spec.out, safe_serialization=True)


def _examples(rows: Sequence[dict[str, Any]]) -> list[Example]:
    return [
        Example(row["fact"], Kind(row["kind"]), tuple(Message(**m) for m in row["messages"]), row["answer"])
        for row in rows
    ]


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (MemoryError, torch.OutOfMemoryError) as problem:
        print(problem, file=sys.stderr)
        sys.exit(EXIT_OUT_OF_MEMORY)
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        # torch's CPU allocator has no exception class of its own
        sys.exit(EXIT_OUT_OF_MEMORY if "can't allocate memory" in str(problem) else 1)
    except OSError as problem:
        print(problem, file=sys.stderr)
        sys.exit(EXIT_DISK_FULL if problem.errno == 28 else 1)
