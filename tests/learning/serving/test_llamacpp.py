"""llama.cpp writes what transformers and peft write, and a model that it computes otherwise never serves."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from structlog.testing import capture_logs
from transformers import AutoTokenizer

from bot.errors import Busy, EngineFailed, ModelFileError, SettingError
from bot.generation import Sampling
from bot.prompting import Message
from learning.models import BaseModel
from learning.serving import gguf_export, llamacpp
from learning.serving.gguf_export import export_gguf
from learning.serving.llamacpp import LlamaCppEngine, LlamaServer
from learning.serving.merging import load_merged
from learning.serving.versions import MAX_WAITING
from storage.adapter_files import AdapterFiles
from tests.contracts.generator_contract import ENDLESS, OTHER, PROMPT, EngineContract
from tests.learning.oracle import PeftOracle
from tests.learning.serving.conftest import A, B, C, Deployed

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it

LONG = 400


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def engine(base: BaseModel, files: AdapterFiles, deployed: Deployed, cache: Path) -> Iterator[LlamaCppEngine]:
    opened = LlamaCppEngine(base, files, deployed, cache, "f32")
    yield opened
    opened.close()


class TestBase(EngineContract):
    @pytest.fixture
    def generator(self, engine: LlamaCppEngine) -> LlamaCppEngine:
        return engine

    @pytest.fixture
    def oracle(self, base: BaseModel, files: AdapterFiles) -> PeftOracle:
        return PeftOracle(base, files, None)


class TestAdapter(EngineContract):
    @pytest.fixture
    def generator(self, engine: LlamaCppEngine, deployed: Deployed) -> LlamaCppEngine:
        deployed.adapter = A
        return engine

    @pytest.fixture
    def oracle(self, base: BaseModel, files: AdapterFiles) -> PeftOracle:
        return PeftOracle(base, files, A)


# --- versions -----------------------------------------------------------------------------------------------------


async def test_a_swap_in_the_middle_of_an_answer_does_not_touch_it(
    engine: LlamaCppEngine, base: BaseModel, files: AdapterFiles, deployed: Deployed
) -> None:
    deployed.adapter = A
    alone = await engine.generate(PROMPT, Sampling(LONG))
    begun = asyncio.Event()
    writing = asyncio.create_task(engine.generate(PROMPT, Sampling(LONG), on_text=lambda _: begun.set()))
    await begun.wait()
    deployed.adapter = B
    await engine.refresh()
    assert await writing == alone
    following = await engine.generate(PROMPT, Sampling(24))
    assert (following.adapter, following.text) == (B, PeftOracle(base, files, B)(PROMPT, 24))


async def test_one_that_was_prepared_writes_for_whoever_prefers_it(
    engine: LlamaCppEngine, base: BaseModel, files: AdapterFiles
) -> None:
    await engine.prepare(B)
    preferred = await engine.generate(PROMPT, Sampling(24), prefer=B)
    assert (preferred.adapter, preferred.text) == (B, PeftOracle(base, files, B)(PROMPT, 24))
    assert (await engine.generate(PROMPT, Sampling(24))).adapter is None


async def test_versions_that_are_no_longer_kept_are_freed(engine: LlamaCppEngine, deployed: Deployed) -> None:
    servers = []
    for deployed.adapter in (None, A, B, C):
        await engine.refresh()
        servers.append(engine._versions.kept[-1])
    assert [server.is_running for server in servers] == [False, True, True, True]


async def test_what_was_converted_once_is_not_converted_again(
    engine: LlamaCppEngine, base: BaseModel, files: AdapterFiles, deployed: Deployed, cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    await engine.refresh()
    monkeypatch.setattr(llamacpp, "load_merged", None)  # whoever calls it fails
    again = LlamaCppEngine(base, files, deployed, cache, "f32")
    assert await again.generate(PROMPT, Sampling(8)) == await engine.generate(PROMPT, Sampling(8))
    again.close()


async def test_no_more_model_files_are_kept_than_are_of_use(
    engine: LlamaCppEngine, deployed: Deployed, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llamacpp, "KEPT_FILES", 2)
    for deployed.adapter in (None, A, B):
        await engine.refresh()
    assert len(list((cache / "llamacpp").iterdir())) == 2
    assert (await engine.generate(PROMPT, Sampling(8))).adapter == B


# --- what must not serve ------------------------------------------------------------------------------------------


def wrongly(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """As if llama.cpp rotated the halves of each head, as transformers does."""
    return weight


async def test_an_adapter_that_is_computed_otherwise_is_refused(
    base: BaseModel, files: AdapterFiles, deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = LlamaCppEngine(base, files, deployed, tmp_path, "f32")
    before = await engine.generate(PROMPT, Sampling(8))
    monkeypatch.setattr(gguf_export, "_interleaved", wrongly)
    deployed.adapter = A
    with capture_logs() as logs:
        await engine.refresh()
        await engine.refresh()
    (refused,) = [entry for entry in logs if entry["event"] == "adapter refused"]  # said once
    assert "does not compute what it computes with transformers" in refused["reason"]
    assert await engine.generate(PROMPT, Sampling(8)) == before
    assert len(list((tmp_path / "llamacpp").iterdir())) == 1
    engine.close()


async def test_a_base_model_that_is_computed_otherwise_never_serves(
    base: BaseModel, files: AdapterFiles, deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf_export, "_interleaved", wrongly)
    engine = LlamaCppEngine(base, files, deployed, tmp_path, "f32")
    for _ in range(2):
        with pytest.raises(ModelFileError, match="does not compute what it computes with transformers"):
            await engine.generate(PROMPT, Sampling(8))
    assert list((tmp_path / "llamacpp").iterdir()) == []


def spoil(cache: Path) -> None:
    (file,) = cache.rglob("*.gguf")
    file.write_bytes(b"GGUF and then nonsense")


async def test_a_spoilt_model_file_is_named(
    base: BaseModel, files: AdapterFiles, deployed: Deployed, tmp_path: Path
) -> None:
    engine = LlamaCppEngine(base, files, deployed, tmp_path, "f32")
    await engine.refresh()
    engine.close()
    spoil(tmp_path)
    with pytest.raises(ModelFileError, match=r"can't load .*model\.gguf"):
        await LlamaCppEngine(base, files, deployed, tmp_path, "f32").refresh()


def test_a_server_that_was_just_started_can_be_stopped(base: BaseModel, tmp_path: Path) -> None:
    export_gguf(load_merged(base, None), AutoTokenizer.from_pretrained(base.folder), tmp_path / "model.gguf", "f32")
    for _ in range(10):
        server = LlamaServer(None, tmp_path / "model.gguf", "f32", window=320).start()
        server.stop()
        assert not server.is_running


def test_the_wheel_is_asked_for(
    base: BaseModel, files: AdapterFiles, deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llamacpp, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"pip install 'mentee\[llamacpp\]'"):
        LlamaCppEngine(base, files, deployed, tmp_path)


# --- more than fits -----------------------------------------------------------------------------------------------


async def test_more_than_the_queue_holds_are_turned_away(engine: LlamaCppEngine) -> None:
    await engine.refresh()
    room = MAX_WAITING
    writing = [asyncio.create_task(engine.generate(PROMPT, Sampling(ENDLESS))) for _ in range(room)]
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="32 answers"):
        await engine.generate(PROMPT, Sampling(8))
    for each in writing:
        each.cancel()
    await asyncio.gather(*writing, return_exceptions=True)
    assert (await engine.generate(PROMPT, Sampling(8))).text


async def test_of_a_conversation_that_is_too_long_the_oldest_turns_go(
    base: BaseModel, files: AdapterFiles, deployed: Deployed, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llamacpp, "MAX_WINDOW", 320)
    engine = LlamaCppEngine(base, files, deployed, cache, "f32")
    turns = [Message("assistant", "In the settings, below the map."), Message("user", "There is no map at all?")]

    async def asked(first: str, question: Message) -> str:
        messages = [PROMPT[0], Message("user", first), *turns * 4, question]
        return (await engine.generate(messages, Sampling(12))).text

    text = await asked("Hello!", PROMPT[-1])
    assert await asked("Good morning, where do I find it?", PROMPT[-1]) == text
    assert await asked("Hello!", OTHER[-1]) != text
    engine.close()


async def test_a_question_that_does_not_fit_is_not_answered(engine: LlamaCppEngine) -> None:
    with pytest.raises(EngineFailed, match="tokens"):
        await engine.generate([Message("system", "Answer."), Message("user", "Why? " * 5_000)], Sampling(8))
