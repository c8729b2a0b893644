"""The training process: `python -m learning.trainer SPEC.json`. Trains, then judges champion and challenger.

A process of its own, of low priority and with a memory limit, so that serving survives whatever happens here. It talks
to its parent by lines of JSON on standard output, and leaves an adapter folder and `outcome.json`. Killed and started
again with the same spec, it goes on where it was. `torchrun --nproc-per-node N -m learning.trainer SPEC.json` shares
each batch among N processes; the first one reports, saves and judges. Knows nothing of databases; it decides nothing.
"""

import contextlib
import hashlib
import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from bot.prompting import Message
from learning.budget import MB, fastest_threads, free_on_gpu, tokens_within
from learning.checkpoint import Checkpoint, Unusable
from learning.distillation import imagine
from learning.encoder import MpnetEncoder
from learning.evaluation import answers, judge
from learning.examples import Example, Kind
from learning.exits import end_with_code
from learning.parallel import Group, join
from learning.precision import Wanted, choose_precision, has_fast_bf16, load_base
from learning.priority import give_way
from learning.recipe import Precision, Recipe, Setup
from learning.training import LOSSES, Step, adapt, left_out, plan_steps, tokens_of, train

SAY_EVERY_S = 0.5


@dataclass(frozen=True)
class Spec:
    """Everything that the training process is told."""

    base: str
    """Folder of the base model."""
    base_name: str
    """What the adapter's config names as its base."""
    champion: str | None
    """Adapter folder; None is the base model."""
    start: str | None
    """Folder of the adapter that training starts from; None: a new one."""
    train: list[dict[str, Any]]
    general: list[dict[str, Any]]
    judge: list[dict[str, Any]]
    asked: list[dict[str, Any]]
    """Questions for the new adapter alone: what it says to them is told word for word."""
    recipe: dict[str, Any]
    out: str
    work: str
    """Folder of this run: it keeps the checkpoint, and gets the outcome."""
    precision: Wanted
    memory_mb: int
    threads: int
    """At most; 0: as many as torch finds."""
    encoder: str | None
    """Folder of memory's encoder, for questions that are made up; None: none are."""
    judging_s: float
    """What judging will take, as far as is known; until it begins, it is part of the time left."""


def main(spec_path: str) -> None:
    spec = read_spec(spec_path)
    group = join()
    be_modest(spec)
    tokenizer = AutoTokenizer.from_pretrained(spec.base)
    setup, training_s, missing = _train(spec, tokenizer, group)
    group.leave()
    if group.rank == 0:
        started = time.monotonic()
        judged = _judge_both(spec, tokenizer, setup.precision)
        outcome = {
            **judged, "setup": asdict(setup), "training_s": training_s, "judging_s": time.monotonic() - started,
            "left_out": missing,
        }  # fmt: skip
        outcome_path(spec.work).write_text(json.dumps(outcome), encoding="utf-8")


def read_spec(path: str) -> Spec:
    return Spec(**json.loads(Path(path).read_text(encoding="utf-8")))


def outcome_path(work: str) -> Path:
    return Path(work) / "outcome.json"


# --- training -------------------------------------------------------------------------------------------------------


def _train(spec: Spec, tokenizer: PreTrainedTokenizerBase, group: Group) -> tuple[Setup, float, int]:
    """Train and save the adapter; how it was set up, the seconds that all its steps take, the examples left out."""
    recipe = Recipe(**spec.recipe)
    checkpoint = _checkpoint(spec, group)
    known = checkpoint.read_setup()
    imagined = _imagined(spec, recipe)
    base = load_base(spec.base, known.precision if known is not None else precision_of(spec))
    model = adapt(base, recipe, start_of(spec))
    examples = examples_of(spec.train)
    steps = plan_steps(tokenizer, examples, examples_of(spec.general), recipe, imagined)
    setup = known or group.agree(set_up(spec, model, steps, recipe, group))
    torch.set_num_threads(setup.threads)
    if setup.recompute:
        model.activation_checkpointing_enable()
    reporter = Reporter("Training", done=None, then_s=spec.judging_s, silent=group.rank > 0)
    with checkpoint.stop_on_signals():
        train(model, steps, recipe, reporter.step, setup, group, checkpoint)
    if group.rank == 0:
        _save(model, spec)
    return setup, reporter.pace_s * len(steps), left_out(tokenizer, examples, recipe)


def _imagined(spec: Spec, recipe: Recipe) -> list[Example]:
    """On one thread, whatever the machine has: how a sum is shared decides over its last bits, and those over texts."""
    if spec.encoder is None or not recipe.imagined:
        return []
    _say(stage="Making up questions", done=0, total=1, eta=None)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    made = imagine(examples_of(spec.train), examples_of(spec.judge), MpnetEncoder(Path(spec.encoder)), recipe)
    torch.set_num_threads(threads)
    return made


def _checkpoint(spec: Spec, group: Group) -> Checkpoint:
    """This training's checkpoint file. One that can't be used is removed, so that training starts anew."""
    decisive = [spec.base, spec.start, spec.train, spec.general, spec.recipe, spec.precision, group.size]
    if spec.encoder is not None:
        decisive += [spec.encoder, spec.judge]  # what is judged isn't made up
    training = hashlib.sha256(json.dumps(decisive).encode()).hexdigest()
    checkpoint = Checkpoint(Path(spec.work) / "checkpoint.safetensors", training)
    try:
        checkpoint.read_setup()
    except Unusable as problem:
        if group.rank == 0:
            _say(event="checkpoint not used", reason=str(problem))
        checkpoint.path.unlink(missing_ok=True)
    return checkpoint


def start_of(spec: Spec) -> Path | None:
    return Path(spec.start) if spec.start is not None else None


def precision_of(spec: Spec) -> Precision:
    return choose_precision(spec.precision, gpu=torch.cuda.is_available(), fast_bf16=has_fast_bf16())


def set_up(spec: Spec, model: PeftModel, steps: Sequence[Step], recipe: Recipe, group: Group) -> Setup:
    """Measure the threads on a middling step, and the memory on its longest row."""
    loss_of = LOSSES[recipe.method]
    by_length = sorted((row for step in steps for row in step.rows), key=tokens_of)
    middling, longest = by_length[len(by_length) // 2], by_length[-1]
    most = max(1, (spec.threads or torch.get_num_threads()) // group.size)
    threads = fastest_threads(most, lambda: loss_of(model, [middling]).backward())
    model.zero_grad()
    limit = free_on_gpu() if torch.cuda.is_available() else spec.memory_mb * MB // group.size
    within = tokens_within(limit, model, lambda: loss_of(model, [longest]), tokens_of(longest))
    return Setup(
        threads=threads, processes=group.size, precision=precision_of(spec),
        tokens_at_once=max(within, tokens_of(longest)), recompute=within < tokens_of(longest),
    )  # fmt: skip


def be_modest(spec: Spec) -> None:
    """Yield the processors to serving, and be the first to go when memory is short."""
    give_way()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    if not torch.cuda.is_available():  # what a GPU's driver maps would count, too
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (spec.memory_mb * MB, most))
    with contextlib.suppress(OSError):  # not on Linux, or not allowed: the limit above still holds
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _save(model: PeftModel, spec: Spec) -> None:
    """A PEFT folder that names its base model by its public name instead of a path of this machine."""
    config = model.peft_config["default"]
    assert isinstance(config, LoraConfig)
    config.base_model_name_or_path = spec.base_name
    config.target_modules = sorted(
        config.target_modules or ()
    )  # a set of theirs: the bytes shall not depend on its order
    model.save_pretrained(spec.out, safe_serialization=True)


# --- judging --------------------------------------------------------------------------------------------------------


def _judge_both(spec: Spec, tokenizer: PreTrainedTokenizerBase, precision: Precision) -> dict[str, Any]:
    items = examples_of(spec.judge)
    known = {example.answer for example in examples_of(spec.train)}
    first = Reporter("Judging the new adapter", then_s=spec.judging_s / 2)
    new = _tuned(spec, spec.out, precision)
    challenger = judge(new, tokenizer, items, first.step, known)
    asked = Reporter("Asking the new adapter", then_s=spec.judging_s / 2)
    said = answers(new, tokenizer, examples_of(spec.asked), asked.step)
    del new
    second = Reporter("Judging the present one")
    champion = judge(_tuned(spec, spec.champion, precision), tokenizer, items, second.step, known)
    return {"champion": [asdict(s) for s in champion], "challenger": [asdict(s) for s in challenger], "said": said}


def _tuned(spec: Spec, adapter: str | None, precision: Precision) -> PreTrainedModel | PeftModel:
    """The model as it would answer, from disk: what training held is free by now."""
    base = load_base(spec.base, "bf16" if precision == "4bit" else precision)
    return base if adapter is None else as_served(PeftModel.from_pretrained(base, adapter))


def as_served(model: PeftModel) -> PreTrainedModel | PeftModel:
    """Merged, which is quicker, if that changes nothing. In bf16 the sum would round away most of what an adapter
    changes; it is served unmerged, and so it is judged."""
    if next(model.get_base_model().parameters()).dtype != torch.float32:
        return model
    merged: PreTrainedModel = model.merge_and_unload()
    return merged


# --- what is told ---------------------------------------------------------------------------------------------------


class Reporter:
    """Writes progress with the time that is left of the whole run, at most every SAY_EVERY_S."""

    def __init__(self, stage: str, *, done: int | None = 0, then_s: float = 0.0, silent: bool = False) -> None:
        """`done`: what was done before; None: all but the first that is told. `then_s`: seconds of what comes after."""
        self.stage = stage
        self.then_s = then_s
        self.silent = silent
        self.pace_s = 0.0
        """Seconds for each that is done."""
        self._done_before = done
        self._started = time.monotonic()
        self._said = 0.0

    def step(self, done: int, total: int, loss: float | None = None) -> None:
        now = time.monotonic()
        if self._done_before is None:
            self._done_before = done - 1
        self.pace_s = (now - self._started) / (done - self._done_before)
        if self.silent or (now - self._said < SAY_EVERY_S and done < total):
            return
        self._said = now
        _say(stage=self.stage, done=done, total=total, eta=self.pace_s * (total - done) + self.then_s, loss=loss)


def _say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def examples_of(rows: Sequence[dict[str, Any]]) -> list[Example]:
    return [
        Example(**row | {"kind": Kind(row["kind"])} | {
            name: tuple(Message(**m) for m in row[name]) for name in ("messages", "shorter") if row.get(name)
        })
        for row in rows
    ]  # fmt: skip


if __name__ == "__main__":
    end_with_code(main, sys.argv[1])
