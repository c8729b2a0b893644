"""llama.cpp over the bundled base model: how much of what it writes is what transformers and peft write."""

from itertools import takewhile
from pathlib import Path

import pytest

from bot.generation import Sampling
from bot.ids import AdapterId
from bot.prompting import Passage, grounded_prompt
from learning.models import BaseModel, resolve_base_model
from learning.serving.gguf_export import Precision
from learning.serving.llamacpp import LlamaCppEngine
from storage.adapter_files import AdapterFiles
from tests.learning.adapters import make_adapter
from tests.learning.model_cache import CACHE
from tests.learning.oracle import PeftOracle
from tests.learning.serving.conftest import Deployed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),  # peft asks for it
]

PASSAGES = [
    Passage("Rooms", "Open the settings, choose Rooms, and press Add. A room takes 3 minutes to appear."),
    Passage("Refunds", "Refunds take five working days. They go to the card that was charged."),
    Passage("Opening hours", "We are open from 9:00 to 17:30 on weekdays, and until 12:00 on Saturdays."),
    Passage("Two-step verification", "Choose Security, then Two-step verification, and scan the code."),
]
PROMPTS = [grounded_prompt(f"What about {each.title.lower()}?", [each]) for each in PASSAGES]
TOKENS = 32


@pytest.fixture(scope="module")
def base() -> BaseModel:
    return resolve_base_model("bundled:smollm2-135m", CACHE)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, base: BaseModel) -> AdapterFiles:
    made = AdapterFiles(tmp_path_factory.mktemp("adapters"), base.sha256)
    make_adapter(made, base, "slight", seed=0, scale=0.005)
    return made


@pytest.mark.parametrize(
    ("adapter", "precision", "least"), [("slight", "f16", 0.8), (None, "q8_0", 0.2)], ids=["adapter", "base"]
)
async def test_most_of_the_text_is_the_same(
    base: BaseModel, files: AdapterFiles, adapter: AdapterId | None, tmp_path: Path, precision: Precision, least: float
) -> None:
    oracle = PeftOracle(base, files, adapter)
    expected = [oracle(prompt, TOKENS) for prompt in PROMPTS]
    deployed = Deployed()
    deployed.adapter = adapter
    engine = LlamaCppEngine(base, files, deployed, tmp_path, precision)
    texts = [(await engine.generate(prompt, Sampling(TOKENS))).text for prompt in PROMPTS]
    engine.close()
    assert engine.serving == adapter  # it passed the comparison with transformers
    same = sum(_same_from_the_start(*pair) for pair in zip(texts, expected, strict=True))
    assert same / sum(map(len, expected)) >= least


def _same_from_the_start(text: str, other: str) -> int:
    """Characters before the first difference."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False)))
