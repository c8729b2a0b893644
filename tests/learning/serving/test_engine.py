"""The engine answers with one version from the first word to the last, whatever is swapped meanwhile."""

import asyncio
import json
import math
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from structlog.testing import capture_logs
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.errors import Busy
from bot.generation import Sampling
from bot.ids import AdapterId
from bot.prompting import Message
from learning.chat_format import encode_prompt
from learning.models import BaseModel
from learning.serving import engine as engine_module
from learning.serving import versions
from learning.serving.engine import Engine
from learning.serving.slots import Slots
from storage.adapter_files import CONFIG, WEIGHTS, AdapterFiles
from tests.contracts.generator_contract import OTHER, PROMPT, EngineContract, GeneratorContract, Oracle
from tests.fakes.generator import FakeGenerator
from tests.learning.adapters import make_adapter, tiny_base
from tests.learning.serving.conftest import A, B, C, Deployed
from tests.tiny_model import make_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it

LONG = 60


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return tiny_base(make_tiny_model(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, base: BaseModel) -> AdapterFiles:
    """Three good adapters."""
    files = AdapterFiles(tmp_path_factory.mktemp("adapters"), base.sha256)
    for seed, adapter in enumerate((A, B, C)):
        make_adapter(files, base, adapter, seed=seed)
    return files


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
def offline(base: BaseModel, kept: AdapterFiles) -> Callable[[AdapterId | None, list[Message], int], str]:
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


Offline = Callable[[AdapterId | None, list[Message], int], str]


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


async def test_a_swap_in_the_middle_of_an_answer_does_not_touch_it(
    engine: Engine, deployed: Deployed, offline: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "READ_AHEAD", 0)  # by the thread that this test holds
    deployed.adapter = A
    await engine.refresh()
    begun, swapped = asyncio.Event(), threading.Event()

    def hold(_: str) -> None:
        begun.set()

    stop_here = _Gate(engine, swapped)
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


class _Gate:
    """Holds the engine's thread after its first piece of text until it is told to go on."""

    def __init__(self, engine: Engine, go_on: threading.Event) -> None:
        self._model = engine._versions.kept[-1].model
        self._go_on = go_on
        self._steps = 0

    def __enter__(self) -> None:
        self._hook = self._model.register_forward_pre_hook(self._wait)

    def __exit__(self, *_: object) -> None:
        self._hook.remove()

    def _wait(self, *_: object) -> None:
        self._steps += 1
        if self._steps > 5:
            assert self._go_on.wait(30)


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


# --- adapters that are refused ------------------------------------------------------------------------------------


def republish(files: AdapterFiles, base: BaseModel, change: Callable[[Path], None], sha256: str = "") -> None:
    """B is published with a manifest that fits, but something is wrong with it."""
    make_adapter(files, base, B, seed=1)
    staged = files.stage(B)
    for name in (WEIGHTS, CONFIG):
        (staged / name).write_bytes((files.folder(B) / name).read_bytes())
    change(staged)
    for path in files.folder(B).iterdir():
        path.unlink()
    files.folder(B).rmdir()
    files.publish(B, staged, sha256 or base.sha256)


def not_finite(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    next(iter(weights.values()))[0, 0] = math.nan
    save_file(weights, folder / WEIGHTS)


def of_another_size(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    save_file({name: weight[:, :3].contiguous() for name, weight in weights.items()}, folder / WEIGHTS)


def no_tensors_at_all(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"not what it says it is")


def strange_config(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "peft_type": "MAGIC"}))


def for_other_layers(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "target_modules": ["query_key_value"]}))


def unreadable_config(folder: Path) -> None:
    (folder / CONFIG).write_text("{")


SPOILT = [not_finite, of_another_size, no_tensors_at_all, strange_config, for_other_layers, unreadable_config]


async def serves_a_after_refusing_b(engine: Engine, deployed: Deployed) -> str:
    """The reason that was logged."""
    deployed.adapter = A
    await engine.refresh()
    before = await engine.generate(PROMPT, Sampling(8))
    deployed.adapter = B
    with capture_logs() as logs:
        await engine.refresh()
        await engine.refresh()
    assert engine.serving == A
    assert await engine.generate(PROMPT, Sampling(8)) == before
    (refused,) = [entry for entry in logs if entry["event"] == "adapter refused"]  # said once
    assert refused["adapter"] == B
    return str(refused["reason"])


@pytest.mark.parametrize("change", SPOILT)
async def test_an_unusable_adapter_is_refused_and_the_one_before_goes_on_serving(
    spoilt: Engine, files: AdapterFiles, base: BaseModel, deployed: Deployed, change: Callable[[Path], None]
) -> None:
    republish(files, base, change)
    assert B in await serves_a_after_refusing_b(spoilt, deployed)


async def test_altered_weights_are_refused(
    spoilt: Engine, files: AdapterFiles, base: BaseModel, deployed: Deployed
) -> None:
    make_adapter(files, base, B, seed=1)
    weights = files.folder(B) / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert "is not the file that was trained" in await serves_a_after_refusing_b(spoilt, deployed)


async def test_a_missing_adapter_is_refused(spoilt: Engine, deployed: Deployed) -> None:
    assert "is missing" in await serves_a_after_refusing_b(spoilt, deployed)


async def test_an_adapter_for_another_base_is_refused(
    spoilt: Engine, files: AdapterFiles, base: BaseModel, deployed: Deployed
) -> None:
    republish(files, base, lambda folder: None, sha256="another")
    assert "another base model" in await serves_a_after_refusing_b(spoilt, deployed)


async def test_what_happens_to_the_files_of_an_adapter_that_serves_changes_nothing(
    spoilt: Engine, files: AdapterFiles, deployed: Deployed
) -> None:
    deployed.adapter = A
    await spoilt.refresh()
    before = await spoilt.generate(PROMPT, Sampling(8))
    with (files.folder(A) / WEIGHTS).open("r+b") as weights:
        weights.write(bytes((files.folder(A) / WEIGHTS).stat().st_size))
    assert await spoilt.generate(OTHER, Sampling(8)) is not None
    assert await spoilt.generate(PROMPT, Sampling(8)) == before


async def test_with_nothing_before_a_refused_adapter_the_base_model_serves(
    spoilt: Engine, deployed: Deployed, offline: Offline
) -> None:
    deployed.adapter = B
    generation = await spoilt.generate(PROMPT, Sampling(8))
    assert (generation.adapter, generation.text) == (None, offline(None, PROMPT, 8))


async def test_a_refused_adapter_that_was_restored_and_promoted_again_serves(
    spoilt: Engine, files: AdapterFiles, base: BaseModel, deployed: Deployed
) -> None:
    await serves_a_after_refusing_b(spoilt, deployed)
    make_adapter(files, base, B, seed=1)
    for deployed.adapter in (A, B):
        await spoilt.refresh()
    assert spoilt.serving == B


# --- who waits, and who goes away ---------------------------------------------------------------------------------


@pytest.fixture
async def held(engine: Engine) -> AsyncIterator[threading.Event]:
    """The engine's thread stands still in the middle of an answer until this event is set."""
    await engine.refresh()
    go_on = threading.Event()
    with _Gate(engine, go_on):
        yield go_on
        go_on.set()


async def test_more_than_the_queue_holds_are_turned_away(
    engine: Engine, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MAX_WAITING", 3)
    waiting = [asyncio.create_task(engine.generate(PROMPT, Sampling(8))) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Busy, match="3 answers"):
        await engine.generate(PROMPT, Sampling(8))
    held.set()
    assert len({generation.text for generation in await asyncio.gather(*waiting)}) == 1
    assert (await engine.generate(PROMPT, Sampling(2))).text


async def test_the_queue_is_as_short_before_the_first_model_is_loaded(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MAX_WAITING", 3)
    asked = await asyncio.gather(*(engine.generate(PROMPT, Sampling(2)) for _ in range(5)), return_exceptions=True)
    assert [isinstance(each, Busy) for each in asked] == [False, False, False, True, True]


async def test_cancelling_stops_the_generation(engine: Engine, held: threading.Event) -> None:
    begun = asyncio.Event()
    pieces: list[str] = []

    def on_text(piece: str) -> None:
        pieces.append(piece)
        begun.set()

    answering = asyncio.create_task(engine.generate(PROMPT, Sampling(2_000), on_text=on_text))
    await begun.wait()
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    said = len(pieces)
    held.set()
    # The thread would be busy for 2000 tokens if it hadn't stopped: the next request would wait for them.
    await engine.generate(PROMPT, Sampling(2))
    assert len(pieces) <= said + 1


async def test_a_request_that_is_cancelled_while_it_waits_is_never_begun(engine: Engine, held: threading.Event) -> None:
    first = asyncio.create_task(engine.generate(PROMPT, Sampling(8)))
    pieces: list[str] = []
    second = asyncio.create_task(engine.generate(PROMPT, Sampling(8), on_text=pieces.append))
    await asyncio.sleep(0)
    second.cancel()
    held.set()
    await first
    await engine.generate(PROMPT, Sampling(2))
    assert second.cancelled()
    assert pieces == []
