"""The training process itself, on the tiny model: killed, resumed, shared among several, and fed with bad numbers."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from learning.exits import EXIT_NOT_FINITE, EXIT_SETTING, EXIT_STOPPED
from learning.trainer import Spec, outcome_path
from tests.learning.model_cache import CACHE, needs
from tests.learning.test_distillation import TAUGHT
from tests.learning.trainings import elsewhere, make_spec, start, weights
from tests.tiny_model import make_tiny_model

JUDGING = ("Judging the new adapter", "Asking the new adapter", "Judging the present one")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def spec(folder: Path, tmp_path: Path) -> Spec:
    return make_spec(folder, tmp_path)


@pytest.fixture
def uninterrupted(spec: Spec, tmp_path: Path) -> str:
    """Hash of the weights that the spec makes."""
    plain = elsewhere(spec, tmp_path / "plain")
    assert start(plain).end() == 0
    return weights(plain)


# --- stopped and resumed --------------------------------------------------------------------------------------------


def test_killed_at_any_step_and_started_again_it_ends_with_the_same_weights(spec: Spec, uninterrupted: str) -> None:
    steps = sorted(random.sample(range(1, 23), 4))
    for step in steps:
        trainer = start(spec)
        trainer.wait_for_step(step)
        trainer.process.kill()
        assert trainer.end() == -signal.SIGKILL
    trainer = start(spec)
    assert trainer.end() == 0
    assert weights(spec) == uninterrupted
    assert trainer.lines[0]["done"] > steps[-1]  # it went on, and did not begin again


@needs("all-mpnet-base-v2")
def test_made_up_questions_are_the_same_ones_when_it_is_started_again(spec: Spec, tmp_path: Path) -> None:
    taught = [asdict(example) for example in TAUGHT]
    spec = replace(spec, train=taught, encoder=str(CACHE / "all-mpnet-base-v2"))
    plain = elsewhere(spec, tmp_path / "plain")
    whole = start(plain)
    assert whole.end() == 0
    steps = whole.lines[1]["total"]
    epochs, batch = spec.recipe["epochs"], spec.recipe["batch_size"]
    assert epochs * 2 * len(taught) / batch < steps <= epochs * (4 * len(taught) / batch + 1)
    trainer = start(spec)
    trainer.wait_for_step(steps // 2)
    trainer.process.kill()
    assert trainer.end() == -signal.SIGKILL
    assert start(spec).end() == 0
    assert weights(spec) == weights(plain)


def test_asked_to_stop_it_keeps_the_step_at_hand(spec: Spec, uninterrupted: str) -> None:
    trainer = start(spec)
    trainer.wait_for_step(3)
    trainer.process.terminate()
    assert trainer.end() == EXIT_STOPPED
    last = trainer.lines[-1]["done"]
    again = start(spec)
    assert again.end() == 0
    assert again.lines[0]["done"] == last + 1
    assert weights(spec) == uninterrupted


def test_killed_while_judging_it_does_not_train_again(spec: Spec, uninterrupted: str) -> None:
    spec = replace(spec, judge=spec.judge * 400)
    trainer = start(spec)
    trainer.wait_for_step(24)
    trainer.process.kill()
    trainer.end()
    again = start(replace(spec, judge=spec.judge[:1]))
    assert again.end() == 0
    assert {line["stage"] for line in again.lines} == set(JUDGING)
    assert weights(spec) == uninterrupted
    assert json.loads(outcome_path(spec.work).read_text())["training_s"] == 0


def kept(spec: Spec) -> Path:
    """The checkpoint of a training that was killed."""
    trainer = start(spec)
    trainer.wait_for_step(5)
    trainer.process.kill()
    trainer.end()
    return Path(spec.work) / "checkpoint.safetensors"


def torn(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def scribbled(path: Path) -> None:
    path.write_bytes(b"\xff" * 64 + path.read_bytes()[64:])


@pytest.mark.parametrize("harm", [torn, scribbled])
def test_a_damaged_checkpoint_is_told_and_training_begins_anew(
    spec: Spec, uninterrupted: str, harm: Callable[[Path], None]
) -> None:
    harm(kept(spec))
    again = start(spec)
    assert again.end() == 0
    assert again.lines[0]["event"] == "checkpoint not used"
    assert "checkpoint.safetensors is damaged" in again.lines[0]["reason"]
    assert again.lines[1]["done"] == 1
    assert weights(spec) == uninterrupted


@pytest.mark.parametrize("what", ["recipe", "lessons"])
def test_a_checkpoint_of_another_training_is_not_used(spec: Spec, what: str) -> None:
    kept(spec)
    recipe = spec.recipe | {"learning_rate": 2e-3}
    other = replace(spec, recipe=recipe) if what == "recipe" else replace(spec, train=spec.train[1:])
    again = start(other)
    assert again.end() == 0
    assert again.lines[0]["reason"] == "checkpoint.safetensors belongs to another training"
    assert again.lines[1]["done"] == 1


def test_a_resumed_training_keeps_the_setup_that_it_began_with(spec: Spec) -> None:
    kept(spec)
    again = start(replace(spec, threads=2, memory_mb=6_000))
    assert again.end() == 0
    assert json.loads(outcome_path(spec.work).read_text())["setup"]["threads"] == 1


# --- what it tells --------------------------------------------------------------------------------------------------


def test_the_time_left_is_that_of_the_whole_run(spec: Spec) -> None:
    trainer = start(spec)
    assert trainer.end() == 0
    last = {line["stage"]: line["eta"] for line in trainer.lines}
    assert last.pop("Training") == 3.0
    assert last == dict(zip(JUDGING, (1.5, 1.5, 0.0), strict=True))


def test_numbers_that_are_none_end_it_without_an_adapter(spec: Spec, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    make_tiny_model(broken)
    model = AutoModelForCausalLM.from_pretrained(broken)
    model.model.layers[0].mlp.up_proj.weight.data[0, 0] = torch.nan
    model.save_pretrained(broken)
    assert start(replace(spec, base=str(broken))).end() == EXIT_NOT_FINITE
    assert not Path(spec.out).exists()


def test_a_precision_that_this_machine_lacks_is_a_setting_to_change(spec: Spec) -> None:
    assert start(replace(spec, precision="4bit")).end() == EXIT_SETTING


# --- shared among processes -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torchrun's own
def test_two_processes_train_what_one_does(spec: Spec, tmp_path: Path) -> None:
    one = start(spec)
    assert one.end() == 0
    two = elsewhere(spec, tmp_path / "two")
    path = Path(two.work) / "spec.json"
    path.write_text(json.dumps(asdict(replace(two, threads=2))))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*torchrun, "-m", "learning.trainer", str(path)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    losses = {line["done"]: line["loss"] for line in one.lines if line["stage"] == "Training"}
    shared = {line["done"]: line["loss"] for line in lines if line["stage"] == "Training"}
    assert shared
    assert shared == pytest.approx({step: losses[step] for step in shared}, rel=1e-4)
    expected = load_file(Path(spec.out) / "adapter_model.safetensors")
    found = load_file(Path(two.out) / "adapter_model.safetensors")
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-4)
    assert json.loads(outcome_path(two.work).read_text())["setup"]["processes"] == 2
