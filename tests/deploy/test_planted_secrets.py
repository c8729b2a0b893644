"""Secrets that come in by every way: none is kept anywhere, so that no adapter can learn one. And an adapter that was
trained on data that nobody redacted does say them: it could be seen.
"""

import csv
import json
import random
import string
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from bot.people import Person, Platform
from deploy.parts import Kept, cleaning, open_kept
from deploy.settings import Settings
from learning.chat_format import encode_prompt
from learning.dataset import Dataset
from learning.evaluation import answers
from learning.examples import Example, Kind
from learning.planning import planned, read
from learning.recipe import Recipe
from learning.sources.ingest import Options, ingest
from learning.training import adapt, plan_steps, train
from tests.bot.events import THREAD, correction, message
from tests.fakes.connector import FakeConnector
from tests.house import House, open_house
from tests.learning.samples import COMBINATIONS, words
from tests.tiny_model import make_tiny_model

ASKER = Person(Platform.SLACK, "U0ASKER001", "Olga")
RECIPE = Recipe(learning_rate=2e-2, epochs=8, rank=16, alpha=32, batch_size=16, max_tokens=400, kl_weight=0.0)
EPOCHS = 80
"""By then the tiny model says what it was taught."""
SAMPLES = 4
SLOW = [pytest.mark.slow, pytest.mark.timeout(900)]


def secrets(count: int) -> list[str]:
    """Keys, tokens, passwords, cards, national ids and links that open something; no two alike."""
    rng = random.Random(5)

    def some(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(rng.choices(alphabet, k=length))

    def card() -> str:
        digits = [4, *(rng.randrange(10) for _ in range(14))]
        doubled = [d if i % 2 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)]
        return "".join(map(str, (*digits, -sum(doubled) % 10)))

    def link() -> str:
        return f"https://shop.example/reset?token={some(28)}"

    def ssn() -> str:
        return f"{rng.randrange(100, 600)}-{rng.randrange(10, 99)}-{rng.randrange(1000, 9999)}"

    upper = string.ascii_uppercase + string.digits
    kinds = (
        lambda: f"AKIA{some(16, upper)}", lambda: f"ghp_{some(36)}",
        lambda: f"xoxb-{some(12, string.digits)}-{some(24)}",
        lambda: f"sk_live_{some(24)}", lambda: f"eyJ{some(17)}.eyJ{some(30)}.{some(43)}", lambda: f"glpat-{some(20)}",
        lambda: f"hf_{some(34)}", card, ssn, link,
    )  # fmt: skip
    return [kinds[i % len(kinds)]() for i in range(count)]


def name_of(secret: str) -> str:
    """What people would call it: a bare number without any word for it may be missed."""
    return "card" if secret.isdigit() else "SSN" if secret.count("-") == 2 and secret[0].isdigit() else "key"


def sentences(number: int, secret: str) -> tuple[str, str]:
    """A question and an answer with the secret in both. Different numbers are about different things."""
    noun, verb, place = words(number % COMBINATIONS)
    what = name_of(secret)
    question = f"Why does my {what} {secret} not {verb} the {noun} of {place}{number}?"
    return question, f"Choose {verb}{number} of {noun} with the {what} {secret} under {place}, then confirm."


@asynccontextmanager
async def open_all(folder: Path, *, redact: bool) -> AsyncIterator[tuple[House, Kept, FakeConnector]]:
    chat = FakeConnector()
    settings = Settings(data_dir=folder, cache_dir=folder / "cache", redact=redact)
    async with open_house(folder, lambda _: [chat]) as house:
        if not redact:
            house.bot = replace(house.bot, desk=replace(house.bot.desk, redacting=None))
        with open_kept(settings) as kept:
            yield house, kept, chat


async def plant(
    house: House, kept: Kept, chat: FakeConnector, folder: Path, planted: Sequence[tuple[int, str]]
) -> None:
    """Each by one of five ways, in turn: FAQ, help page, a lesson, a question, a correction."""
    ways = [planted[way::5] for way in range(5)]
    load(folder, ways[0], ways[1])
    await ingest([folder], kept.store, Options(cleaning(kept.settings), folder=kept.settings.data_dir / "ingest"))
    for number, secret in ways[2]:
        await house.teach(*sentences(number, secret))
    for number, secret in (*ways[3], *ways[4]):
        question, answer = sentences(number, secret)
        place = replace(THREAD, thread=f"{number}.1")
        await house.desk.receive(message(question, ASKER, place))
        await house.settle()
        if (number, secret) in ways[4]:
            await house.desk.receive(correction(chat.answers[-1].answer.id, question, answer))
    await house.settle()


def load(folder: Path, listed: Sequence[tuple[int, str]], shown: Sequence[tuple[int, str]]) -> None:
    folder.mkdir(parents=True)
    with (folder / "faq.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["question", "answer", "topic"])
        for number, secret in listed:
            rows.writerow([*sentences(number, secret), f"topic {secret}"])
            rows.writerow([f"Number {number} of them?", f"To do {{{{name}}}} {secret}", ""])  # dropped, and told why
    pages = (f"## Page {number} about {secret}\n\n{sentences(number, secret)[1]}\n" for number, secret in shown)
    (folder / "help.md").write_text("# Help\n\n" + "\n".join(pages))


def kept_in(folder: Path, planted: Sequence[str]) -> list[str]:
    """Those that stand in any file."""
    everything = b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return [secret for secret in planted if secret.encode() in everything]


def dataset(kept: Kept) -> Dataset:
    known = kept.store.run_sync(lambda unit: read(unit, RECIPE, "tiny"))
    return planned(known, RECIPE, "tiny")[0].dataset


@pytest.mark.parametrize(
    ("count", "copies"),
    [
        (25, 1),
        pytest.param(200, 1, marks=SLOW),
        pytest.param(20, 10, marks=SLOW),
        pytest.param(200, 10, marks=[pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(7_200)]),
    ],
)
async def test_none_is_kept_in_any_file_nor_trained_on(
    tmp_path: Path, count: int, copies: int, capfd: pytest.CaptureFixture[str]
) -> None:
    known = secrets(count)
    planted = [(i + count * copy, secret) for copy in range(copies) for i, secret in enumerate(known)]
    async with open_all(tmp_path / "data", redact=True) as (house, kept, chat):
        await plant(house, kept, chat, tmp_path / "docs", planted)
        assert kept_in(tmp_path / "data", known) == []
        made = json.dumps(asdict(dataset(kept)))
        assert [secret for secret in known if secret in made] == []
        assert "_1>" in made
    said = "".join(capfd.readouterr())
    assert [secret for secret in known if secret in said] == []


# --- what adapters say ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for it
@pytest.mark.parametrize(
    ("count", "redact"), [(60, True), (12, False), pytest.param(200, True, marks=pytest.mark.long)]
)
async def test_an_adapter_says_none_of_them_unless_nobody_redacts(tmp_path: Path, count: int, redact: bool) -> None:
    known = secrets(count)
    async with open_all(tmp_path / "data", redact=redact) as (house, kept, _):
        for i, secret in enumerate(known):
            noun, verb, place = words(i)
            question = f"Which {name_of(secret)} may {verb} a {noun} in {place}?"
            await house.teach(question, f"For {verb} {noun}{i} the {name_of(secret)} is {secret}")
        made = dataset(kept)
        assert bool(kept_in(tmp_path / "data", known)) is not redact
    asked = [example for example in made.train if example.kind is Kind.RECALL]
    assert len(asked) > 0.8 * count
    said = list(spoken(make_tiny_model(tmp_path / "base"), asked, RECIPE if redact else replace(RECIPE, epochs=EPOCHS)))
    assert len(said) == len(asked) * (1 + SAMPLES)
    repeated = [secret for secret in known if any(secret in text for text in said)]
    assert bool(repeated) is not redact


def spoken(base: Path, asked: Sequence[Example], recipe: Recipe) -> Iterator[str]:
    """Train on them, then ask each: greedily, and a few times at random."""
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = adapt(AutoModelForCausalLM.from_pretrained(base), recipe)
    train(model, plan_steps(tokenizer, asked, [], recipe), recipe, lambda step, steps, loss: None)
    tuned: PreTrainedModel = model.merge_and_unload()
    yield from answers(tuned, tokenizer, asked, lambda done, total: None)
    for example in asked:
        prompt = torch.tensor([encode_prompt(tokenizer, example.messages)])
        drawn = tuned.generate(  # type: ignore[operator]
            input_ids=prompt, attention_mask=torch.ones_like(prompt), do_sample=True, max_new_tokens=60,
            num_return_sequences=SAMPLES, pad_token_id=tokenizer.pad_token_id,
        )  # fmt: skip
        yield from tokenizer.batch_decode(drawn[:, prompt.shape[1] :], skip_special_tokens=True)
