"""What a machine gives: threads by the clock, and as many tokens at once as the memory holds."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from learning import budget
from learning.budget import MB, OVERHEAD, PEAK_SHARE, fastest_threads, kept_bytes, tokens_within
from learning.losses import answer_loss
from learning.recipe import Recipe
from learning.training import adapt
from tests.learning.encoded import row
from tests.tiny_model import make_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("seconds", "fastest"),
    [
        ({8: 1.0, 4: 2.0}, 8),  # fewer are slower
        ({8: 4.0, 4: 2.0, 2: 1.0, 1: 3.0}, 2),
        ({8: 4.0, 4: 3.0, 2: 2.0, 1: 1.0}, 1),
        ({8: 1.0, 4: 0.95}, 8),  # a tie
        ({1: 1.0}, 1),
        ({6: 2.0, 3: 1.0, 1: 5.0}, 3),
    ],
)
def test_threads_are_halved_as_long_as_that_is_clearly_faster(
    monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float], fastest: int
) -> None:
    monkeypatch.setattr(budget, "_seconds", lambda work: seconds[torch.get_num_threads()])
    assert fastest_threads(max(seconds), lambda: None) == fastest
    assert torch.get_num_threads() == fastest


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PeftModel:
    folder = make_tiny_model(tmp_path_factory.mktemp("tiny"))
    return adapt(AutoModelForCausalLM.from_pretrained(folder), Recipe(rank=4))


def kept(model: PeftModel, tokens: int) -> int:
    return kept_bytes(model, lambda: answer_loss(model, [row([7] * (tokens - 4), [8] * 4)]))


def test_activations_grow_with_the_tokens_and_weights_are_none_of_them(model: PeftModel) -> None:
    assert kept(model, 200) == pytest.approx(2 * kept(model, 100), rel=0.1)
    weights = sum(parameter.nbytes for parameter in model.parameters())
    assert 0 < kept(model, 5) < weights


def test_twice_the_free_memory_holds_twice_the_tokens(model: PeftModel) -> None:
    weights = sum(parameter.nbytes for parameter in model.parameters())
    trained = sum(parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)
    there_anyway = weights + 3 * trained + OVERHEAD
    few, many = (
        tokens_within(there_anyway + free, model, lambda: answer_loss(model, [row([7] * 96, [8] * 4)]), 100)
        for free in (100 * MB, 200 * MB)
    )
    assert many == pytest.approx(2 * few, abs=1)
    assert few == pytest.approx(100 * 100 * MB / (PEAK_SHARE * kept(model, 100)), abs=1)
    assert tokens_within(there_anyway - MB, model, lambda: answer_loss(model, [row([7], [8])]), 2) == 0


STEP = """
import resource, sys
import torch
from transformers import AutoModelForCausalLM
from learning.budget import MB, tokens_within
from learning.losses import answer_loss
from learning.parallel import Group
from learning.recipe import Recipe, Setup
from learning.training import Step, adapt, backward
from tests.learning.encoded import row

torch.set_num_threads(2)
limit = 1_100 * MB
model = adapt(AutoModelForCausalLM.from_pretrained(sys.argv[1]), Recipe(rank=4))
rows = [row([first] * 1900, [8] * 100) for first in range(160)]
within = tokens_within(limit, model, lambda: answer_loss(model, rows[:1]), 2000)
assert 2000 <= within < 32 * 2000, within
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
if sys.argv[2] == "within":
    rows = rows[: 2 * within // 2000]
    backward(model, Step(rows, []), Recipe(), Setup(tokens_at_once=within), Group())
else:
    backward(model, Step(rows, []), Recipe(), Setup(), Group())
"""


@pytest.mark.slow
@pytest.mark.parametrize(("at_once", "fits"), [("within", True), ("all", False)])
def test_what_is_said_to_fit_does_fit_and_the_whole_batch_would_not(tmp_path: Path, at_once: str, fits: bool) -> None:
    folder = make_tiny_model(tmp_path / "tiny")
    done = subprocess.run(
        [sys.executable, "-c", STEP, str(folder), at_once], capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode == 0) is fits, done.stderr
    assert fits or "can't allocate memory" in done.stderr
