"""Servers that speak OpenAI's API: one that is real (llama.cpp's), and vLLM's behaviour replayed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from transformers import AutoTokenizer

from bot.errors import Busy, EngineFailed, TooLate
from bot.generation import Sampling
from bot.prompting import Message
from learning.models import BaseModel
from learning.serving import streaming
from learning.serving.gguf_export import export_gguf
from learning.serving.llamacpp import LlamaServer
from learning.serving.merging import load_merged
from learning.serving.openai import OpenAiEngine
from learning.serving.openai_server import Server
from learning.serving.versions import MAX_WAITING
from storage.adapter_files import AdapterFiles
from tests.contracts.generator_contract import PROMPT, EngineContract
from tests.fakes.vllm import FakeVllm
from tests.learning.oracle import PeftOracle
from tests.learning.serving.conftest import A, B, C, Deployed

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it

QUESTION = PROMPT[-1].content
TEXT = f"smol was asked: {QUESTION}"
PLENTY = Sampling(50)


# --- llama.cpp's server -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory, base: BaseModel) -> Iterator[LlamaServer]:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    export_gguf(load_merged(base, None), AutoTokenizer.from_pretrained(base.folder), path, "f32")
    server = LlamaServer(None, path, "f32", window=4096).start()
    yield server
    server.stop()


@pytest.fixture
def over_llama(llama: LlamaServer, base: BaseModel, files: AdapterFiles, deployed: Deployed) -> OpenAiEngine:
    server = Server(llama.url.replace("/completion", "/v1"), "any name", llama.key)
    return OpenAiEngine(server, base, files, deployed)


class TestOverLlamaCpp(EngineContract):
    @pytest.fixture
    def generator(self, over_llama: OpenAiEngine) -> OpenAiEngine:
        return over_llama

    @pytest.fixture
    def oracle(self, base: BaseModel, files: AdapterFiles) -> PeftOracle:
        return PeftOracle(base, files, None)


async def test_a_server_that_loads_no_adapters_writes_with_its_base_model(
    over_llama: OpenAiEngine, deployed: Deployed, base: BaseModel, files: AdapterFiles
) -> None:
    deployed.adapter = A
    reason = await refused(over_llama)
    assert "can't load adapters while it runs" in reason
    generation = await over_llama.generate(PROMPT, Sampling(12))
    assert (generation.adapter, generation.text) == (None, PeftOracle(base, files, None)(PROMPT, 12))


async def test_without_its_key_a_server_says_so(
    llama: LlamaServer, base: BaseModel, files: AdapterFiles, deployed: Deployed
) -> None:
    engine = OpenAiEngine(Server(llama.url.replace("/completion", "/v1"), "any"), base, files, deployed)
    with pytest.raises(EngineFailed, match="401"):
        await engine.generate(PROMPT, PLENTY)


# --- vLLM ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def vllm(base: BaseModel) -> AsyncIterator[FakeVllm]:
    async with FakeVllm(root=str(base.folder), api_key="key").running() as server:
        yield server


@pytest.fixture
def engine(vllm: FakeVllm, base: BaseModel, files: AdapterFiles, deployed: Deployed) -> OpenAiEngine:
    return OpenAiEngine(Server(vllm.url, "smol", "key"), base, files, deployed)


async def refused(engine: OpenAiEngine) -> str:
    """The reason that was logged, once, although it was looked at twice."""
    with capture_logs() as logs:
        await engine.refresh()
        await engine.refresh()
    (entry,) = [entry for entry in logs if entry["event"] == "adapter refused"]
    return str(entry["reason"])


async def test_the_deployed_adapter_is_loaded_and_asked_for_by_name(
    engine: OpenAiEngine, vllm: FakeVllm, files: AdapterFiles, deployed: Deployed
) -> None:
    assert (await engine.generate(PROMPT, PLENTY)).text == TEXT
    deployed.adapter = A
    await engine.refresh()
    generation = await engine.generate(PROMPT, PLENTY)
    assert (generation.adapter, generation.text) == (A, f"{A} was asked: {QUESTION}")
    assert vllm.adapters == {A: str(files.folder(A))}


async def test_one_that_was_prepared_is_asked_for_by_whoever_prefers_it(
    engine: OpenAiEngine, vllm: FakeVllm, deployed: Deployed
) -> None:
    deployed.adapter = A
    await engine.prepare(B)
    assert (await engine.generate(PROMPT, PLENTY, prefer=B)).text == f"{B} was asked: {QUESTION}"
    assert (await engine.generate(PROMPT, PLENTY)).text == f"{A} was asked: {QUESTION}"


async def test_one_that_is_loaded_already_serves(engine: OpenAiEngine, vllm: FakeVllm, deployed: Deployed) -> None:
    deployed.adapter = A
    vllm.adapters[A] = "before this program was started"
    await engine.refresh()
    assert (await engine.generate(PROMPT, PLENTY)).adapter == A


async def test_adapters_that_are_no_longer_kept_are_unloaded(
    engine: OpenAiEngine, vllm: FakeVllm, deployed: Deployed
) -> None:
    for deployed.adapter in (A, B, C, None):
        await engine.refresh()
    assert set(vllm.adapters) == {B, C}


async def test_one_that_still_writes_is_unloaded_only_afterwards(
    engine: OpenAiEngine, vllm: FakeVllm, deployed: Deployed
) -> None:
    deployed.adapter = A
    await engine.refresh()
    vllm.troubles = ["pause later"]
    begun = asyncio.Event()
    writing = asyncio.create_task(engine.generate(PROMPT, PLENTY, on_text=lambda _: begun.set()))
    await begun.wait()
    for deployed.adapter in (B, C, None):
        await engine.refresh()
    assert set(vllm.adapters) == {A, B, C}
    vllm.go_on.set()
    assert (await writing).text == f"{A} was asked: {QUESTION}"
    assert set(vllm.adapters) == {B, C}


async def test_a_server_that_was_started_anew_gets_its_adapter_again(
    engine: OpenAiEngine, vllm: FakeVllm, deployed: Deployed
) -> None:
    deployed.adapter = A
    await engine.refresh()
    vllm.adapters.clear()
    assert (await engine.generate(PROMPT, PLENTY)).adapter == A


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"root": "/models/another"}, "adapters are trained for 'tiny'"),
        ({"model": "another"}, "serves no 'smol', only another"),
        ({"max_lora_rank": 2}, "LoRA rank 4 is greater than max_lora_rank 2"),
    ],
)
async def test_an_adapter_that_does_not_fit_the_server_is_refused(
    engine: OpenAiEngine, vllm: FakeVllm, deployed: Deployed, change: dict[str, Any], said: str
) -> None:
    await engine.refresh()
    for name, value in change.items():
        setattr(vllm, name, value)
    deployed.adapter = A
    assert said in await refused(engine)
    assert vllm.adapters == {}
    assert engine.serving is None


async def test_an_adapter_that_the_server_does_not_see_is_refused(
    vllm: FakeVllm, base: BaseModel, files: AdapterFiles, deployed: Deployed
) -> None:
    class Elsewhere(AdapterFiles):
        def verify(self, adapter: str) -> None: ...

    engine = OpenAiEngine(Server(vllm.url, "smol", "key"), base, Elsewhere(Path("/nowhere")), deployed)
    deployed.adapter = A
    assert "has to see /nowhere/adapter-a" in await refused(engine)


async def test_a_server_that_is_away_at_the_start_gets_the_adapter_later(
    vllm: FakeVllm, base: BaseModel, files: AdapterFiles, deployed: Deployed
) -> None:
    deployed.adapter = A
    engine = OpenAiEngine(Server("http://127.0.0.1:9/v1", "smol", "key"), base, files, deployed)
    await engine.refresh()
    assert engine.serving is None
    with pytest.raises(EngineFailed, match="can't be reached"):
        await engine.generate(PROMPT, PLENTY)
    with pytest.raises(EngineFailed, match="can't be reached"):
        await engine.refresh()  # is tried again until the server is there


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_server_that_is_started_anew_behind_a_proxy_gets_the_adapter_later(
    engine: OpenAiEngine, vllm: FakeVllm, deployed: Deployed, status: int
) -> None:
    await engine.refresh()
    deployed.adapter, vllm.away = A, status
    with pytest.raises((EngineFailed, Busy), match=str(status)):
        await engine.refresh()
    vllm.away = None
    await engine.refresh()
    assert engine.serving == A


async def test_the_server_is_asked_as_it_was_trained(engine: OpenAiEngine, vllm: FakeVllm) -> None:
    said = [Message("system", "Be brief."), Message("assistant", "Hi!"), Message("user", "So"), Message("user", "eh?")]
    await engine.generate(said, PLENTY)
    (asked,) = vllm.asked
    assert asked["chat_template_kwargs"] == {"enable_thinking": False}
    assert [(each["role"], each["content"]) for each in asked["messages"]] == [
        ("system", "Be brief."), ("user", "So\n\neh?"),
    ]  # fmt: skip


async def test_a_model_without_system_messages_is_told_with_the_question(engine: OpenAiEngine, vllm: FakeVllm) -> None:
    vllm.knows_system = False
    system, *_, question = PROMPT
    assert (await engine.generate([system, question], PLENTY)).text.endswith(question.content)
    refused, asked = vllm.asked
    assert refused["messages"][0]["role"] == "system"
    assert asked["messages"] == [{"role": "user", "content": f"{system.content}\n\n{question.content}"}]
    assert "chat_template_kwargs" not in asked


# --- troubles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["429", "500", "garbage", "strange", "half", "error", "no end", "lost"])
async def test_a_trouble_before_the_first_word_is_not_noticed(
    engine: OpenAiEngine, vllm: FakeVllm, trouble: str
) -> None:
    vllm.troubles = [trouble]
    pieces: list[str] = []
    generation = await engine.generate(PROMPT, PLENTY, on_text=pieces.append)
    assert (generation.text, generation.finish, "".join(pieces)) == (TEXT, "end", TEXT)
    assert len(vllm.asked) == 2


@pytest.mark.parametrize("trouble", ["500", "garbage", "strange", "half", "error", "no end", "lost"])
async def test_a_trouble_that_lasts_is_told(engine: OpenAiEngine, vllm: FakeVllm, trouble: str) -> None:
    vllm.troubles = [trouble] * 2
    with pytest.raises(EngineFailed):
        await engine.generate(PROMPT, PLENTY)
    assert len(vllm.asked) == 2
    assert (await engine.generate(PROMPT, PLENTY)).text == TEXT


@pytest.mark.parametrize("trouble", ["garbage", "strange", "half", "error", "no end", "lost"])
async def test_what_somebody_has_begun_to_read_is_not_written_again(
    engine: OpenAiEngine, vllm: FakeVllm, trouble: str
) -> None:
    vllm.troubles = [f"{trouble} later"]
    pieces: list[str] = []
    with pytest.raises(EngineFailed):
        await engine.generate(PROMPT, PLENTY, on_text=pieces.append)
    assert "".join(pieces) == "smol was"
    assert len(vllm.asked) == 1


async def test_a_busy_server_is_asked_twice(engine: OpenAiEngine, vllm: FakeVllm) -> None:
    vllm.troubles = ["429", "429"]
    with pytest.raises(Busy, match="429"):
        await engine.generate(PROMPT, PLENTY)
    assert len(vllm.asked) == 2


async def test_a_long_pause_is_not_waited_for(engine: OpenAiEngine, vllm: FakeVllm) -> None:
    vllm.troubles, vllm.retry_after = ["429"], "60"
    with pytest.raises(Busy, match="429"):
        await engine.generate(PROMPT, PLENTY)
    assert len(vllm.asked) == 1


async def test_a_pause_beyond_the_deadline_is_too_late(engine: OpenAiEngine, vllm: FakeVllm) -> None:
    vllm.troubles, vllm.retry_after = ["429"], None
    with pytest.raises(TooLate):
        await engine.generate(PROMPT, Sampling(50, deadline_s=0.1))


async def test_silence_ends_at_the_deadline_and_the_server_is_left(engine: OpenAiEngine, vllm: FakeVllm) -> None:
    vllm.troubles = ["silence later"]
    with pytest.raises(TooLate):
        await engine.generate(PROMPT, Sampling(50, deadline_s=0.2))
    await asyncio.wait_for(vllm.left.wait(), 10)


async def test_a_server_that_falls_silent_has_failed(
    engine: OpenAiEngine, vllm: FakeVllm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "SILENCE_S", 0.2)
    vllm.troubles = ["silence later"] * 2
    with pytest.raises(EngineFailed, match="SocketTimeoutError"):
        await engine.generate(PROMPT, PLENTY)


async def test_whoever_goes_away_leaves_the_server(engine: OpenAiEngine, vllm: FakeVllm) -> None:
    vllm.troubles = ["silence later"]
    begun = asyncio.Event()
    writing = asyncio.create_task(engine.generate(PROMPT, PLENTY, on_text=lambda _: begun.set()))
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await asyncio.wait_for(vllm.left.wait(), 10)


async def test_more_than_the_queue_holds_are_turned_away(engine: OpenAiEngine, vllm: FakeVllm) -> None:
    vllm.troubles = ["silence"] * MAX_WAITING
    writing = [asyncio.create_task(engine.generate(PROMPT, PLENTY)) for _ in range(MAX_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="32 answers"):
        await engine.generate(PROMPT, PLENTY)
    for each in writing:
        each.cancel()
    await asyncio.gather(*writing, return_exceptions=True)
    vllm.troubles = []
    assert (await engine.generate(PROMPT, PLENTY)).text == TEXT


async def test_a_wrong_address_is_told(
    vllm: FakeVllm, base: BaseModel, files: AdapterFiles, deployed: Deployed
) -> None:
    engine = OpenAiEngine(Server(vllm.url.removesuffix("/v1"), "smol", "key"), base, files, deployed)
    with pytest.raises(EngineFailed, match="404"):
        await engine.generate(PROMPT, PLENTY)
