"""Trainings on a tiny model as processes that can be killed and started again."""

import contextlib
import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from bot.ids import FactId
from bot.prompting import closed_book_prompt
from learning import checkpoint as checkpoint_module
from learning import trainer
from learning.examples import Example, Kind
from learning.exits import end_with_code
from learning.recipe import Recipe
from learning.trainer import Spec
from tests.chaos.mutants import seed as plant
from tests.processes import FORKSERVER

PATIENCE_S = 60.0


def example(number: int, kind: Kind = Kind.RECALL) -> Example:
    answer = f"Choose item {number}, then confirm it " + "and wait " * (number % 7)
    return Example(FactId(str(number)), kind, tuple(closed_book_prompt(f"Where is item {number}?")), answer)


def make_spec(base: Path, folder: Path) -> Spec:
    (folder / "work").mkdir(parents=True)
    return Spec(
        base=str(base), base_name="tiny", champion=None, start=None, train=[asdict(example(n)) for n in range(24)],
        general=[asdict(example(n, Kind.GENERAL)) for n in range(30, 34)], judge=[asdict(example(40))],
        asked=[asdict(example(41))], recipe=asdict(Recipe(epochs=4, batch_size=4, rank=4)),
        out=str(folder / "out"), work=str(folder / "work"), precision="auto",
        memory_mb=8_000, threads=1, encoder=None, judging_s=3.0,
    )  # fmt: skip


def elsewhere(spec: Spec, folder: Path) -> Spec:
    (folder / "work").mkdir(parents=True)
    return replace(spec, out=str(folder / "out"), work=str(folder / "work"))


@dataclass
class Trainer:
    """A training process that has been started."""

    process: ForkServerProcess
    said: Path

    @property
    def errors(self) -> str:
        """What it said on standard error."""
        return self.said.with_name("errors").read_text(errors="replace")

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.said.read_text().splitlines() if line.startswith("{")]

    def wait_for_step(self, step: int) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while not any(line.get("done", 0) >= step for line in self.lines):
            assert time.monotonic() < give_up
            assert self.process.is_alive()
            time.sleep(0.005)

    def end(self) -> int | None:
        self.process.join(PATIENCE_S)
        return self.process.exitcode


def start(spec: Spec, mutant: str = "", gate: Path | None = None) -> Trainer:
    """`mutant`: a seeded bug for the process. It begins when the file `gate` is there."""
    path, said = Path(spec.work) / "spec.json", Path(spec.work) / "said"
    path.write_text(json.dumps(asdict(spec)))
    said.write_text("")
    process = FORKSERVER.Process(target=_main, args=(str(path), str(said), mutant, gate))
    process.start()
    return Trainer(process, said)


def _main(spec: str, said: str, mutant: str, gate: Path | None) -> None:
    """In the new process, which is a session of its own as the bot's are: keep after every step, and tell of it."""
    os.setsid()
    os.dup2(os.open(Path(said).with_name("errors"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    while gate is not None and not gate.exists():
        time.sleep(0.005)
    plant(mutant)
    checkpoint_module.SAVE_EVERY_S = 0.0
    trainer.SAY_EVERY_S = 0.0
    with Path(said).open("a") as out, contextlib.redirect_stdout(out):
        end_with_code(trainer.main, spec)


def weights(spec: Spec) -> str:
    return hashlib.sha256((Path(spec.out) / "adapter_model.safetensors").read_bytes()).hexdigest()
