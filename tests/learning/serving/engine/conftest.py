"""An engine over a tiny model and good adapters, another over those that a test spoils, and what should be said."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.ids import AdapterId
from bot.prompting import Message
from learning.chat_format import encode_prompt
from learning.models import BaseModel
from learning.serving.engine import Engine
from storage.adapter_files import AdapterFiles
from tests.learning.adapters import make_adapter, tiny_base
from tests.learning.serving.conftest import A, Deployed, good_adapters
from tests.learning.serving.engine.standing_still import StandingStill
from tests.tiny_model import make_tiny_model

Offline = Callable[[AdapterId | None, list[Message], int], str]
"""What a version says to messages within so many tokens."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return tiny_base(make_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, base: BaseModel) -> AdapterFiles:
    return good_adapters(tmp_path_factory.mktemp("adapters"), base)


@pytest.fixture
def files(tmp_path: Path, base: BaseModel) -> AdapterFiles:
    """For adapters that a test spoils; A is good."""
    own = AdapterFiles(tmp_path / "adapters", base.sha256)
    make_adapter(own, base, A, seed=0)
    return own


@pytest.fixture
def engine(base: BaseModel, kept: AdapterFiles, deployed: Deployed) -> Iterator[Engine]:
    opened = Engine(base, kept, deployed, precision="fp32")
    yield opened
    opened.close()


@pytest.fixture
def spoilt(base: BaseModel, files: AdapterFiles, deployed: Deployed) -> Iterator[Engine]:
    """An engine over the adapters that a test spoils."""
    opened = Engine(base, files, deployed, precision="fp32")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def offline(base: BaseModel, kept: AdapterFiles) -> Offline:
    """What a version says, computed without the engine and without merging."""
    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    models = {}

    def say(adapter: AdapterId | None, messages: list[Message], tokens: int) -> str:
        if adapter not in models:
            model = AutoModelForCausalLM.from_pretrained(base.folder)
            folder = str(kept.folder(adapter)) if adapter is not None else None
            models[adapter] = (PeftModel.from_pretrained(model, folder) if folder else model).eval()
        prompt = torch.tensor([encode_prompt(tokenizer, messages)])
        out = models[adapter].generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=tokens, do_sample=False,
            pad_token_id=tokenizer.eos_token_id,
        )  # fmt: skip
        return str(tokenizer.decode(out[0, prompt.shape[1] :], skip_special_tokens=True)).strip()

    return say


@pytest.fixture
async def held(engine: Engine) -> AsyncIterator[threading.Event]:
    """The engine's thread stands still in the middle of an answer until this event is set."""
    await engine.refresh()
    go_on = threading.Event()
    with StandingStill(engine, go_on):
        yield go_on
        go_on.set()
