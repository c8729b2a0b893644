"""What a training needs to go on, after it was stopped or killed, as if nothing had happened.

One safetensors file: adapter weights, optimizer state and random state, and in its header the step, the setup and a
hash of what is trained. It is written beside, flushed and renamed: whenever the process is killed, the file is whole.
The order of the batches and the learning rate follow from recipe and step, so they are not kept.
"""

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from learning.recipe import Setup

SAVE_EVERY_S = 30.0
WEIGHTS, RANDOM = "weights", "random"


class Unusable(Exception):
    """The file is damaged, or another training's."""


class Stopped(Exception):
    """The training was asked to stop, and its checkpoint is written."""


class Checkpoint:
    """The checkpoint file of one training."""

    def __init__(self, path: Path, training: str) -> None:
        """`training`: hash of all that decides what comes out."""
        self.path = path
        self.training = training
        self.stop_asked = False
        self._saved_at = time.monotonic()

    def read_setup(self) -> Setup | None:
        """How the training was begun; None when nothing was kept. Raises Unusable."""
        if not self.path.exists():
            return None
        header, _ = self._read()
        return Setup(**json.loads(header["setup"]))

    def restore(self, parameters: Mapping[str, Parameter], optimizer: Optimizer) -> int:
        """Put everything back; the number of steps that are done, 0 when nothing was kept. Raises Unusable."""
        if not self.path.exists():
            return 0
        header, tensors = self._read()
        torch.set_rng_state(tensors.pop(RANDOM))
        for key, tensor in tensors.items():
            kind, name = key.split("/", 1)
            parameter = parameters[name]
            if kind == WEIGHTS:
                parameter.data.copy_(tensor)
            else:  # the count of steps stays where the optimizer keeps it, its moments lie beside the weights
                optimizer.state[parameter][kind] = tensor.to(parameter.device) if tensor.dim() else tensor
        return int(header["step"])

    def save(self, step: int, setup: Setup, parameters: Mapping[str, Parameter], optimizer: Optimizer) -> None:
        tensors = {RANDOM: torch.get_rng_state()}
        for name, parameter in parameters.items():
            tensors[f"{WEIGHTS}/{name}"] = parameter.data
            tensors |= {f"{kind}/{name}": value for kind, value in optimizer.state[parameter].items()}
        header = {"training": self.training, "step": str(step), "setup": json.dumps(asdict(setup))}
        beside = self.path.with_suffix(".unfinished")
        save_file(tensors, beside, header)
        _flush(beside)
        beside.replace(self.path)
        _flush(self.path.parent)
        self._saved_at = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self._saved_at >= SAVE_EVERY_S

    @contextmanager
    def stop_on_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT let the step at hand be finished and kept."""

        def ask(*_: object) -> None:
            self.stop_asked = True

        before = {signum: signal.signal(signum, ask) for signum in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def _read(self) -> tuple[dict[str, str], dict[str, Tensor]]:
        try:
            with safe_open(self.path, "pt") as file:
                header: dict[str, str] = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # no dict: it can't be iterated
        except (SafetensorError, OSError) as problem:
            raise Unusable(f"{self.path.name} is damaged: {problem}") from problem
        if header.get("training") != self.training:
            raise Unusable(f"{self.path.name} belongs to another training")
        return header, tensors


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
