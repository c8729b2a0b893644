"""The engine answers with one version from the first word to the last, whatever is swapped meanwhile."""

import asyncio
import threading
from pathlib import Path

import pytest
import torch
from structlog.testing import capture_logs

from bot.generation import Sampling
from bot.ids import AdapterId
from bot.prompting import Message
from learning.models import BaseModel
from learning.serving import engine as engine_module
from learning.serving.engine import Engine
from learning.serving.slots import Slots
from storage.adapter_files import AdapterFiles
from tests.contracts.generator_contract import OTHER, PROMPT, EngineContract, GeneratorContract, Oracle
from tests.fakes.generator import FakeGenerator
from tests.learning.adapters import make_adapter
from tests.learning.serving.conftest import A, B, C, Deployed
from tests.learning.serving.engine.conftest import Offline
from tests.learning.serving.engine.standing_still import StandingStill

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it

LONG = 60


class TestFakeGenerator(GeneratorContract):
    @pytest.fixture
    def generator(self) -> FakeGenerator:
        return FakeGenerator()


class TestEngine(EngineContract):
    @pytest.fixture
    def generator(self, engine: Engine) -> Engine:
        return engine

    @pytest.fixture
    def oracle(self, offline: Offline) -> Oracle:
        return lambda messages, tokens: offline(None, list(messages), tokens)


class TestEngineWithAdapter(EngineContract):
    @pytest.fixture
    def generator(self, engine: Engine, deployed: Deployed) -> Engine:
        deployed.adapter = A
        return engine

    @pytest.fixture
    def oracle(self, offline: Offline) -> Oracle:
        return lambda messages, tokens: offline(A, list(messages), tokens)


async def test_every_version_says_what_it_says_offline(engine: Engine, deployed: Deployed, offline: Offline) -> None:
    said = set[str]()
    for adapter in (None, A, B, C):
        deployed.adapter = adapter
        await engine.refresh()
        generation = await engine.generate(PROMPT, Sampling(20))
        assert generation.adapter == engine.serving == adapter
        assert generation.text == offline(adapter, PROMPT, 20)
        said.add(generation.text)
    assert len(said) == 4


async def test_one_that_was_prepared_writes_for_whoever_prefers_it(
    engine: Engine, deployed: Deployed, offline: Offline
) -> None:
    deployed.adapter = A
    await engine.refresh()
    await engine.prepare(B)
    preferred = await engine.generate(PROMPT, Sampling(20), prefer=B)
    assert (preferred.adapter, preferred.text) == (B, offline(B, PROMPT, 20))
    assert (await engine.generate(PROMPT, Sampling(20))).text == offline(A, PROMPT, 20)
    assert engine.serving == A


async def test_a_broken_one_is_refused_once_and_the_serving_one_writes(
    base: BaseModel, deployed: Deployed, tmp_path: Path
) -> None:
    files = AdapterFiles(tmp_path, base.sha256)
    make_adapter(files, base, B, seed=1)
    (files.folder(B) / "adapter_model.safetensors").write_bytes(b"other weights")
    engine = Engine(base, files, deployed)
    with capture_logs() as logs:
        for _ in range(2):
            await engine.prepare(B)
    assert [entry["adapter"] for entry in logs if entry["event"] == "adapter refused"] == [B]
    assert (await engine.generate(PROMPT, Sampling(2), prefer=B)).adapter is None
    engine.close()


async def test_a_swap_in_the_middle_of_an_answer_does_not_touch_it(
    engine: Engine, deployed: Deployed, offline: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "READ_AHEAD", 0)  # by the thread that this test holds
    deployed.adapter = A
    await engine.refresh()
    begun, swapped = asyncio.Event(), threading.Event()

    def hold(_: str) -> None:
        begun.set()

    stop_here = StandingStill(engine, swapped)
    with stop_here:
        answering = asyncio.create_task(engine.generate(PROMPT, Sampling(LONG), on_text=hold))
        await begun.wait()
        deployed.adapter = B
        await engine.refresh()
        assert engine.serving == B
        assert not answering.done()
        swapped.set()
        generation = await answering
    assert (generation.adapter, generation.text) == (A, offline(A, PROMPT, LONG))
    following = await engine.generate(PROMPT, Sampling(LONG))
    assert (following.adapter, following.text) == (B, offline(B, PROMPT, LONG))


async def test_many_requests_while_versions_are_swapped_each_get_one_version(
    engine: Engine, deployed: Deployed, offline: Offline
) -> None:
    await engine.refresh()
    answers: list[tuple[AdapterId | None, list[Message], str]] = []

    async def swap() -> None:
        for deployed.adapter in (A, B, C, None, B, C, A):
            await engine.refresh()

    async def ask(messages: list[Message], until: asyncio.Task[None]) -> None:
        last = False
        while not last:
            last = until.done()
            generation = await engine.generate(messages, Sampling(12))
            answers.append((generation.adapter, messages, generation.text))

    swapping = asyncio.create_task(swap())
    await asyncio.gather(swapping, *(ask(messages, swapping) for messages in (PROMPT, OTHER) * 3))
    for adapter, messages, text in answers:
        assert text == offline(adapter, messages, 12)
    assert {None, A} <= {adapter for adapter, _, _ in answers}
    assert len(answers) >= 12


async def test_versions_side_by_side_each_say_what_they_say_offline(engine: Engine, offline: Offline) -> None:
    asked = [(adapter, messages) for messages in (PROMPT, OTHER) for adapter in (A, None, B, C, B)]
    said = await asyncio.gather(*(engine.generate_with(adapter, messages, Sampling(20)) for adapter, messages in asked))
    assert [each.text for each in said] == [offline(adapter, messages, 20) for adapter, messages in asked]
    assert len({slot.decoder for slot in engine._versions.kept}) == 1


async def test_a_new_version_touches_no_weight_of_the_base(engine: Engine, deployed: Deployed) -> None:
    await engine.refresh()
    (slot,) = engine._versions.kept
    before = {name: (weight.data_ptr(), weight.clone()) for name, weight in slot.model.named_parameters()}
    for deployed.adapter in (A, B):
        await engine.refresh()
        await engine.generate(PROMPT, Sampling(2))
    after = dict(engine._versions.kept[-1].model.named_parameters())
    assert before.keys() == after.keys()
    for name, (address, weight) in before.items():
        assert after[name].data_ptr() == address
        assert torch.equal(after[name], weight)


async def test_a_new_version_has_read_what_was_asked_last(engine: Engine, deployed: Deployed, offline: Offline) -> None:
    deployed.adapter = A
    for messages in (PROMPT, OTHER):
        await engine.generate(messages, Sampling(2))
    deployed.adapter = B
    await engine.refresh()
    before, slot = engine._versions.kept[-2:]
    assert (before.adapter, slot.adapter) == (A, B)
    assert slot.decoder.latest(slot.lora, 9) == before.decoder.latest(before.lora, 9) != []
    for messages in (PROMPT, OTHER):
        assert (await engine.generate(messages, Sampling(20))).text == offline(B, messages, 20)


async def test_what_is_read_ahead_does_not_hold_a_version_back_for_long(
    engine: Engine, deployed: Deployed, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = asyncio.create_task(engine.generate(PROMPT, Sampling(8)))
    await asyncio.sleep(0.1)
    monkeypatch.setattr(engine_module, "READ_AHEAD_S", 0.1)
    monkeypatch.setattr(type(engine._versions.kept[0].decoder), "latest", lambda *_: [[5] * 40])
    deployed.adapter = A
    await engine.refresh()
    assert engine.serving == A
    assert not answering.done()
    held.set()
    assert (await answering).adapter is None


async def test_a_rollback_loads_nothing(
    engine: Engine, deployed: Deployed, offline: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for deployed.adapter in (A, B):
        await engine.refresh()
    monkeypatch.setattr(Slots, "load", None)  # whoever calls it fails
    deployed.adapter = A
    await engine.refresh()
    assert (await engine.generate(PROMPT, Sampling(8))).text == offline(A, PROMPT, 8)
    deployed.adapter = B
    await engine.refresh()
    assert engine.serving == B


async def test_no_more_versions_are_kept_than_are_of_use(engine: Engine, deployed: Deployed) -> None:
    for deployed.adapter in (None, A, B, C):
        await engine.refresh()
    assert [slot.adapter for slot in engine._versions.kept] == [A, B, C]


async def test_looking_again_changes_nothing(
    engine: Engine, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed.adapter = A
    await engine.refresh()
    monkeypatch.setattr(Slots, "load", None)
    await asyncio.gather(*(engine.refresh() for _ in range(5)))
    assert engine.serving == A
