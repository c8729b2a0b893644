"""Several texts at once: each is what it would be alone, and nobody waits for a long prompt."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from bot.errors import EngineFailed, MenteeError, TooLate
from bot.generation import Sampling
from learning.serving import decoding
from learning.serving.adapted import NOTHING, Adapted
from learning.serving.decoding import Decoder, Threads
from learning.serving.request import Request
from tests.tiny_model import make_tiny_model

ONE = Threads(1, 1, 1)
SHORT = [5, 9, 7, 30, 41]
LONG = [20 + i % 300 for i in range(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def adapted(folder: Path) -> Adapted:
    return Adapted(AutoModelForCausalLM.from_pretrained(folder).eval())


@pytest.fixture
def model(adapted: Adapted) -> PreTrainedModel:
    return adapted.model


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return loaded


@pytest.fixture
def decoder(adapted: Adapted) -> Decoder:
    return Decoder(adapted)


class Asked:
    """A request, and what became of it."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, prompt: list[int], sampling: Sampling) -> None:
        self.ended: list[MenteeError | None] = []
        self.pieces: list[str] = []
        self.request = Request.make(
            prompt, sampling, tokenizer, frozenset({1}), self.pieces.append,
            lambda _, problem: self.ended.append(problem),
        )  # fmt: skip

    @property
    def written(self) -> list[int]:
        return self.request.tokens[len(self.request.prompt) :]


def run(decoder: Decoder, *asked: Asked) -> int:
    """Turn until all is written; how many turns it took."""
    for each in asked:
        decoder.add(each.request)
    turns = 0
    while not decoder.is_idle:
        decoder.turn(ONE)
        turns += 1
    return turns


def greedy(model: PreTrainedModel, prompt: list[int], tokens: int) -> list[int]:
    """The plain loop: no cache, no drafts."""
    text = list(prompt)
    for _ in range(tokens):
        with torch.inference_mode():
            token = int(model(input_ids=torch.tensor([text]), use_cache=False).logits[0, -1].argmax())
        if token == 1:
            break
        text.append(token)
    return text[len(prompt) :]


def test_each_text_is_what_it_would_be_alone(
    decoder: Decoder, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    prompts = [SHORT, LONG, LONG[:90], SHORT[::-1], LONG[::-1], [3, *SHORT], LONG[50:], [8], [9], [10, 11]]
    asked = [Asked(tokenizer, prompt, Sampling(10 + 5 * i)) for i, prompt in enumerate(prompts)]
    run(decoder, *asked)
    for i, (prompt, each) in enumerate(zip(prompts, asked, strict=True)):
        assert each.ended == [None]
        assert each.written == greedy(model, prompt, 10 + 5 * i)


def test_a_text_that_repeats_its_prompt_takes_fewer_steps(folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """Without attention, a token decides the next one: what was written once is written again."""
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    for layer in model.model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
    prompt = [*SHORT, *greedy(model, SHORT, 40), *SHORT]
    asked = Asked(tokenizer, prompt, Sampling(40))
    turns = run(Decoder(Adapted(model)), asked)
    assert asked.written == greedy(model, prompt, 40)
    assert turns <= 1 + 40 / (1 + decoding.LONGEST_DRAFT) + 2


def test_drafts_change_no_text(
    adapted: Adapted, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = [*LONG[:60], *LONG[:60]]
    with_drafts = Asked(tokenizer, prompt, Sampling(60))
    run(Decoder(adapted), with_drafts)
    monkeypatch.setattr(decoding, "LONGEST_DRAFT", 0)
    without = Asked(tokenizer, prompt, Sampling(60))
    run(Decoder(adapted), without)
    assert with_drafts.written == without.written


def test_drafts_are_as_long_as_half_of_the_texts_have_them(
    decoder: Decoder, tokenizer: PreTrainedTokenizerBase
) -> None:
    copying = [Asked(tokenizer, [*SHORT, n, *SHORT], Sampling(9)) for n in (60, 61)]
    others = [Asked(tokenizer, [*range(70, 80 + n)], Sampling(9)) for n in range(4)]
    widths = [
        {len(feed) for feed in decoder._feeds([each.request for each in asked])}
        for asked in (copying, [*copying, *others[:2]], [*copying, *others])
    ]
    assert widths == [{7}, {1, 4}, {1}]


def test_a_long_prompt_is_read_between_the_steps_of_others(
    decoder: Decoder, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "PORTION", 20)
    first = Asked(tokenizer, SHORT, Sampling(200, temperature=1.0))
    decoder.add(first.request)
    decoder.turn(ONE)
    second = Asked(tokenizer, LONG, Sampling(5))
    decoder.add(second.request)
    for _ in range(10):
        before = len(first.request.tokens)
        decoder.turn(ONE)
        assert second.request.is_reading
        assert len(first.request.tokens) > before


def read_at_once(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Of each pass that reads prompts, how many tokens of which rows; filled as it goes."""
    passes: list[list[int]] = []
    whole = decoder._rows.forward

    def forward(*given: Any, last: bool = False) -> torch.Tensor:
        if last:
            passes.append([len(feed) for feed in given[2]])
        return whole(*given, last=last)

    monkeypatch.setattr(decoder._rows, "forward", forward)
    return passes


def test_short_prompts_are_read_in_one_pass(
    decoder: Decoder, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "PORTION_ALONE", 120)
    passes = read_at_once(decoder, monkeypatch)
    prompts = [LONG[:31], LONG[40:61], LONG[70:121], [8], LONG[::-1], LONG[130:161]]
    asked = [Asked(tokenizer, prompt, Sampling(9)) for prompt in prompts]
    run(decoder, *asked)
    assert passes == [[30, 20], [50, 0], [128], [172], [31]]  # who reads alone begins to write in the same pass
    for prompt, each in zip(prompts, asked, strict=True):
        assert each.written == greedy(model, prompt, 9)


def test_a_small_rest_of_a_prompt_is_read_with_its_last_portion(
    decoder: Decoder, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "PORTION_ALONE", 40)
    passes = read_at_once(decoder, monkeypatch)
    for length in (59, 60, 101):
        run(decoder, Asked(tokenizer, [length, *LONG[1:length]], Sampling(1)))
    assert passes == [[59], [40], [20], [40], [40], [21]]


def test_prompts_that_begin_the_same_wait_for_the_first_of_them(
    decoder: Decoder, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = read_at_once(decoder, monkeypatch)
    run(decoder, *(Asked(tokenizer, [*LONG[:100], n, n + 1, n + 2], Sampling(3)) for n in range(60, 64)))
    assert passes == [[103], [3, 3, 3]]


def test_what_was_read_before_is_not_read_again(decoder: Decoder, tokenizer: PreTrainedTokenizerBase) -> None:
    first = Asked(tokenizer, LONG, Sampling(3))
    run(decoder, first)
    same, longer = Asked(tokenizer, LONG, Sampling(3)), Asked(tokenizer, [*LONG, 7, 8], Sampling(3))
    for asked, known in ((same, len(LONG) - 1), (longer, len(LONG) - 1)):
        decoder.add(asked.request)
        decoder._admit(0)
        assert asked.request.read == known
        run(decoder)
    assert same.written == first.written
    fresh = Asked(tokenizer, [*LONG, 7, 8], Sampling(3))
    run(Decoder(decoder._rows._adapted), fresh)  # type: ignore[attr-defined]
    assert longer.written == fresh.written


def test_who_is_late_is_told_and_who_has_gone_is_not(decoder: Decoder, tokenizer: PreTrainedTokenizerBase) -> None:
    late, gone, other = (Asked(tokenizer, SHORT, Sampling(30, deadline_s=s)) for s in (0.0, None, None))
    gone.request.cancelled.set()
    run(decoder, late, gone, other)
    assert [type(problem) for problem in late.ended] == [TooLate]
    assert gone.ended == []
    assert other.ended == [None]
    assert late.pieces == gone.pieces == []


def test_numbers_that_are_none_end_the_text_and_not_the_others(
    decoder: Decoder, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> None:
    bad, good = Asked(tokenizer, SHORT, Sampling(20)), Asked(tokenizer, LONG, Sampling(20))

    def spoil(_: object, __: object, output: torch.Tensor) -> torch.Tensor:
        spoilt = output.clone()
        if spoilt.shape[1] < 20:  # a step, not a portion of a prompt
            spoilt[0] = torch.nan
        return spoilt

    decoder.add(bad.request)
    decoder.add(good.request)
    decoder.turn(ONE)
    hook = model.lm_head.register_forward_hook(spoil)
    decoder.turn(ONE)
    hook.remove()
    run(decoder)
    assert [type(problem) for problem in bad.ended] == [EngineFailed]
    assert good.ended == [None]
    assert good.written == greedy(model, LONG, 20)


def test_a_model_that_fails_ends_what_is_written_and_the_rest_goes_on(
    decoder: Decoder, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "MAX_ROWS", 1)
    written, waiting = Asked(tokenizer, SHORT, Sampling(20)), Asked(tokenizer, LONG, Sampling(20))
    decoder.add(written.request)
    decoder.add(waiting.request)
    decoder.turn(ONE)
    decoder.fail(EngineFailed("Out of memory."))
    run(decoder)
    assert [type(problem) for problem in written.ended] == [EngineFailed]
    assert waiting.written == greedy(model, LONG, 20)


def test_what_nobody_waits_for_is_read_between_the_steps_of_others(
    decoder: Decoder, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "AHEAD_SHARE", 1.0)
    writing, ahead = Asked(tokenizer, SHORT, Sampling(60)), Asked(tokenizer, [*LONG[:100], 0], Sampling(0))
    decoder.add(writing.request)
    decoder.add(ahead.request)
    decoder.turn(ONE)
    while not ahead.ended:
        before = len(writing.request.tokens)
        decoder.turn(ONE)
        assert len(writing.request.tokens) > before
    assert (ahead.ended, ahead.written) == ([None], [])
    assert LONG[:100] in decoder.latest(NOTHING, 9)
    run(decoder)
    assert writing.written == greedy(model, SHORT, 60)
    later = Asked(tokenizer, LONG[:120], Sampling(20))
    decoder.add(later.request)
    decoder._admit(0)
    assert later.request.read == 100
    run(decoder)
    assert later.written == greedy(model, LONG[:120], 20)


def test_what_is_read_ahead_takes_a_part_of_the_time(decoder: Decoder, tokenizer: PreTrainedTokenizerBase) -> None:
    writing, ahead = Asked(tokenizer, SHORT, Sampling(60)), Asked(tokenizer, LONG, Sampling(0))
    decoder.add(writing.request)
    decoder.turn(ONE)
    decoder.add(ahead.request)
    decoder._ahead_from = math.inf
    decoder.turn(ONE)
    assert ahead.request.read == 0
    decoder._ahead_from = 0.0
    decoder.turn(ONE)
    assert ahead.request.read == decoding.AHEAD
    run(decoder)
    assert ahead.ended == [None]


def test_what_can_not_be_kept_is_not_read_ahead_for_ever(adapted: Adapted, tokenizer: PreTrainedTokenizerBase) -> None:
    ahead = Asked(tokenizer, LONG, Sampling(0))
    assert run(Decoder(adapted, prefix_bytes=100), ahead) <= 3
    assert ahead.ended == [None]
