"""The serving benchmark on a tiny model: every part measures what it says, and notices what is wrong."""

import multiprocessing
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.errors import Busy
from bot.generation import Generation, Sampling
from bot.ids import AdapterId
from bot.policy import Policy
from bot.prompting import Message
from deploy.bench import answers, conversations, memory, mix, serving_gpu, swaps, workloads
from deploy.bench.reader import Deployed, Reader, copies, find_reader, reading_examples
from deploy.bench.report import OURS, Bench, Row, open_bench
from deploy.bench.rivals import (
    CONTINUOUS,
    LLAMACPP,
    LOOKUP,
    STATIC,
    TRANSFORMERS,
    PeftRows,
    Transformers,
    llama_cpp,
    writes,
)
from learning.encoder import DIMENSIONS, Vectors
from learning.serving.engine import Engine
from learning.serving.merging import load_merged
from storage.adapter_files import AdapterFiles
from tests.house import STAFF
from tests.learning.adapters import make_adapter, tiny_base
from tests.tiny_model import make_tiny_model

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it

SHORT = workloads.free()[:2]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    folder = tmp_path_factory.mktemp("bench")
    base = tiny_base(make_tiny_model(folder / "tiny"))
    files = AdapterFiles(folder / "adapters", base.sha256)
    return find_reader(base, files.folder(make_adapter(files, base, "reader", seed=1)), folder / "cache")


@pytest.fixture
async def engine(reader: Reader) -> AsyncIterator[Engine]:
    engine = Engine(reader.base, reader.files, Deployed(reader.adapter), precision="fp32")
    yield engine
    engine.close()


@pytest.fixture
def transformers(reader: Reader) -> Transformers:
    return Transformers(load_merged(reader.base, reader.folder), reader.tokenizer)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench("serving", None) as opened:
        yield opened


def rows_of(bench: Bench, unit: str) -> dict[str, Row]:
    return {row.contender: row for row in bench.rows if row.unit == unit}


async def test_all_ways_to_write_agree(reader: Reader, engine: Engine, transformers: Transformers) -> None:
    prompts = [*SHORT, workloads.grounded(workloads.sections()[-1])]  # of different lengths: some are padded
    ours = await conversations.together(writes(engine))(prompts, 12)
    assert ours == await transformers.write_static(prompts, 12)
    assert ours == await transformers.write_continuous(prompts, 12)
    assert ours == [await transformers.write_with_lookup(prompt, 12) for prompt in prompts]
    assert len(set(ours)) == len(ours)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_llama_cpp_writes_in_a_process_of_its_own(reader: Reader, tmp_path: Path) -> None:
    async with llama_cpp(reader, tmp_path) as writers:
        assert {*writers} == {*LLAMACPP.values()}
        for write in writers.values():
            texts = [await write(SHORT[0], 12) for _ in range(2)]
            assert texts[0]
            assert texts[0] == texts[1]
    assert not multiprocessing.active_children()


async def test_answers_are_timed_counted_and_compared(
    bench: Bench, reader: Reader, engine: Engine, transformers: Transformers
) -> None:
    async def wrong(prompt: Sequence[Message], tokens: int) -> str:
        return "something else"

    contenders = {OURS: writes(engine), TRANSFORMERS: transformers.write, LOOKUP: wrong}
    asked = {name: (write, workloads.free()[:3]) for name, write in contenders.items()}
    await answers.compare(bench, reader, "answers", asked, tokens=10)
    assert {len(row.values) for row in rows_of(bench, "s").values()} == {2}  # the first one is the warm-up
    assert all(0 < value <= 20 for value in rows_of(bench, "tokens written")[OURS].values)
    assert rows_of(bench, "same text")[OURS].values == (1.0, 1.0)
    assert rows_of(bench, "same text")[LOOKUP].values == (0.0, 0.0)


async def test_first_tokens_are_timed_with_and_without_what_was_read(
    bench: Bench, reader: Reader, engine: Engine, transformers: Transformers
) -> None:
    await answers.first_token(bench, reader, {OURS: writes(engine), TRANSFORMERS: transformers.write})
    assert set(rows_of(bench, "s")) == {OURS, answers.UNREAD, TRANSFORMERS}
    assert answers.UNREAD not in rows_of(bench, "same text")  # its prompts are others
    assert set(rows_of(bench, "same text")[OURS].values) == {1.0}
    assert bench.ratios["first_token_cached_vs_uncached"] > 0


async def test_conversations_on_adapters_of_their_own(bench: Bench, reader: Reader) -> None:
    with copies(reader, 3) as (files, adapters):
        engine = Engine(reader.base, files, Deployed(adapters[0]), precision="fp32", kept_slots=3)
        try:
            await conversations.adapter_each(bench, reader, engine, files, adapters)
        finally:
            engine.close()
    assert bench.ratios["adapters3_vs_peft"] > 0
    assert rows_of(bench, "same text")[OURS].values == (1.0, 1.0, 1.0)


async def test_copies_write_texts_of_their_own(reader: Reader) -> None:
    with copies(reader, 3) as (files, adapters):
        texts = await PeftRows(reader, files, adapters).write_all([SHORT[0]] * 3, 16)
    assert len(set(texts)) == 3


async def test_who_can_not_do_it_is_noted(bench: Bench, reader: Reader, transformers: Transformers) -> None:
    async def unable(prompts: Sequence[Sequence[Message]], tokens: int) -> list[str]:
        raise RuntimeError("needs a GPU")

    contenders = {STATIC: transformers.write_static, CONTINUOUS: unable}
    rows = await conversations.compare(bench, reader, "2 conversations", 2, contenders, repetitions=1)
    assert set(rows) == {STATIC}
    assert rows_of(bench, "not run")[CONTINUOUS].note == "RuntimeError: needs a GPU"


async def test_swaps_under_load_lose_and_mix_nothing(bench: Bench, reader: Reader) -> None:
    with copies(reader, 4) as (files, adapters):
        deployed = Deployed(adapters[0])
        engine = Engine(reader.base, files, deployed, precision="fp32", kept_slots=4)
        try:
            await swaps.run(bench, engine, deployed, adapters, seconds=0.5)
        finally:
            engine.close()
    assert (bench.ratios["swap_failed"], bench.ratios["swap_torn"]) == (0, 0)
    assert [row.note.rpartition(", ")[2] for row in bench.rows[:2]] == ["1 versions", "2 versions"]
    assert bench.rows[2].note.endswith(("2 versions", "3 versions"))  # and the one that served before, if asked by then


async def test_a_torn_text_is_counted(bench: Bench, reader: Reader, engine: Engine) -> None:
    load = swaps.Load(engine)
    await load.run(0.1, _nothing)
    number, generation = load.written[0]
    mixed = (number, replace(generation, text=generation.text[::-1]))
    assert await swaps._torn(engine, [*load.written, mixed]) == 1


async def test_the_mix_stops_where_somebody_is_turned_away(bench: Bench) -> None:
    generator = Crowded(free=2)
    await mix.run(
        bench, HashEncoder(), generator, Policy(staff=STAFF, grounded_from=0.0, covered_from=0.0), (40, 80), 1.0
    )
    assert [row.workload.rpartition(" ")[2] for row in bench.rows] == ["40/s"]
    assert "mix_held_per_s" not in bench.ratios
    assert generator.asked > 2


async def test_the_mix_holds_what_is_answered_in_time(bench: Bench) -> None:
    generator = Crowded(free=1_000)
    await mix.run(
        bench, HashEncoder(), generator, Policy(staff=STAFF, grounded_from=0.0, covered_from=0.0), (20, 40), 0.5
    )
    assert bench.ratios["mix_held_per_s"] == 40
    asked = sum(len(row.values) for row in bench.rows)
    assert asked / 5 - 2 <= generator.asked <= asked / 5  # the others are known


@pytest.mark.slow
def test_memory_tells_what_a_model_takes(bench: Bench, reader: Reader) -> None:
    memory.run(bench, reader)
    assert bench.rows[1].note in ("weights in fp32", "weights in fp16")
    assert {row.unit for row in bench.rows} == {"MB"}


def test_gpu_rows_are_made_for_each_number(bench: Bench, reader: Reader) -> None:
    model = AutoModelForCausalLM.from_pretrained(reader.base.folder)
    serving_gpu.measure(bench, model, AutoTokenizer.from_pretrained(reader.base.folder), 2, length=12, tokens=3)
    assert [row.workload for row in bench.rows] == [
        *["GPU, 2 conversations, first token"] * 2, *["GPU, 2 conversations, answers"] * 3,
    ]  # fmt: skip
    assert bench.ratios["gpu_tokens_per_s_2"] == pytest.approx(6 / bench.rows[2].median)


def test_practice_leaves_out_what_is_asked_about() -> None:
    longest, others = workloads.sections()[:20], workloads.sections()[20:]
    practice = [message.content for example in reading_examples(others) for message in example.messages]
    assert len(practice) > 20
    assert not any(section.text in content for section in longest for content in practice)


def test_prompts_that_nobody_has_read_share_no_beginning() -> None:
    first, second = workloads.unseen([SHORT[0]] * 2, "Monday")
    assert first[0].content[0] != second[0].content[0]
    assert first[0].content.endswith(SHORT[0][0].content)


async def _nothing() -> None:
    pass


class HashEncoder:
    """Finds again what is asked word for word."""

    name = "hash"

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = [np.random.default_rng(abs(hash(text))).random(DIMENSIONS) for text in texts]
        return np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)


class Crowded:
    """Writes some answers, and is too busy for more."""

    def __init__(self, free: int) -> None:
        self._free = free
        self.asked = 0

    async def generate(
        self, messages: Sequence[Message], sampling: Sampling, *, on_text: object = None, prefer: object = None
    ) -> Generation:
        self.asked += 1
        if self.asked > self._free:
            raise Busy("too many")
        return Generation("Yes.", AdapterId("a"))
