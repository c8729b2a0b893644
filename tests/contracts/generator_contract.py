"""What every generator keeps to. A test class that inherits from it brings the fixtures `generator` and, for an engine
over a real model, `oracle`."""

import asyncio
import itertools
from collections.abc import Callable, Sequence

import pytest

from bot.errors import TooLate
from bot.generation import Sampling
from bot.ids import AdapterId
from bot.ports import Generator
from bot.prompting import Message, Passage, grounded_prompt

PASSAGES = [Passage("Rooms", "Open the settings and choose Rooms."), Passage("Refunds", "They take five days.")]
PROMPT = grounded_prompt("Where are the rooms?", PASSAGES)
OTHER = grounded_prompt("How long do refunds take?", PASSAGES[::-1])
LONGER_THAN_ANY_QUEUE = 40
ENDLESS = 2_000
"""Tokens: takes much longer than what a test waits for."""

Oracle = Callable[[Sequence[Message], int], str]
"""What transformers and peft write greedily, given messages and a number of tokens."""


class GeneratorContract:
    """What any generator does, the scripted one of the tests included."""

    async def test_the_pieces_join_to_the_text(self, generator: Generator) -> None:
        pieces: list[str] = []
        generation = await generator.generate(PROMPT, Sampling(12), on_text=pieces.append)
        assert generation.text
        assert "".join(pieces).strip() == generation.text
        assert len(pieces) > 1

    async def test_pieces_come_in_the_event_loop_before_the_text_is_returned(self, generator: Generator) -> None:
        loop = asyncio.get_running_loop()
        loops: list[asyncio.AbstractEventLoop] = []
        await generator.generate(PROMPT, Sampling(6), on_text=lambda _: loops.append(asyncio.get_running_loop()))
        assert loops
        assert set(loops) == {loop}

    async def test_the_same_messages_get_the_same_text(self, generator: Generator) -> None:
        texts = [(await generator.generate(PROMPT, Sampling(8))).text for _ in range(2)]
        assert texts[0] == texts[1]

    async def test_fewer_tokens_are_the_beginning_of_more(self, generator: Generator) -> None:
        short = await generator.generate(PROMPT, Sampling(3))
        long = (await generator.generate(PROMPT, Sampling(6))).text
        assert long.startswith(short.text)
        assert len(long) > len(short.text)
        assert short.finish == "length"

    async def test_requests_side_by_side_get_their_own_answers(self, generator: Generator) -> None:
        alone = [(await generator.generate(prompt, Sampling(8))).text for prompt in (PROMPT, OTHER)]
        assert alone[0] != alone[1]
        together = await asyncio.gather(*(generator.generate(prompt, Sampling(8)) for prompt in (PROMPT, OTHER) * 3))
        assert [generation.text for generation in together] == alone * 3

    async def test_it_takes_a_conversation_with_earlier_turns(self, generator: Generator) -> None:
        turns = [Message("user", "Hello!"), Message("assistant", "Hello, what is it?")]
        generation = await generator.generate([PROMPT[0], *turns, PROMPT[-1]], Sampling(4))
        assert generation.text

    async def test_the_adapter_is_named_with_the_text(self, generator: Generator) -> None:
        first, second = [await generator.generate(PROMPT, Sampling(2)) for _ in range(2)]
        assert first.adapter == second.adapter

    async def test_an_adapter_that_is_not_at_hand_is_not_waited_for(self, generator: Generator) -> None:
        served = await generator.generate(PROMPT, Sampling(4))
        assert await generator.generate(PROMPT, Sampling(4), prefer=AdapterId("elsewhere")) == served

    async def test_the_text_ends_before_the_first_stop_string(self, generator: Generator) -> None:
        pieces: list[str] = []
        whole = (await generator.generate(PROMPT, Sampling(16), on_text=pieces.append)).text
        first, later = _across_pieces(pieces), _across_pieces(pieces[3:])
        cut: list[str] = []
        sampling = Sampling(16, stop=("never in it", later, first))
        generation = await generator.generate(PROMPT, sampling, on_text=cut.append)
        assert generation.text == whole[: min(whole.index(first), whole.index(later))].strip()
        assert generation.finish == "stop"
        assert "".join(cut).strip() == generation.text

    async def test_what_only_begins_like_a_stop_string_is_not_lost(self, generator: Generator) -> None:
        whole = await generator.generate(PROMPT, Sampling(8))
        pieces: list[str] = []
        sampling = Sampling(8, stop=(whole.text[-3:] + " and more",))
        assert await generator.generate(PROMPT, sampling, on_text=pieces.append) == whole
        assert "".join(pieces).strip() == whole.text

    async def test_a_seed_makes_chance_repeatable(self, generator: Generator) -> None:
        async def draw(seed: int) -> str:
            return (await generator.generate(PROMPT, Sampling(12, temperature=1.0, seed=seed))).text

        alone = [await draw(seed) for seed in (1, 2, 3)]
        assert len(set(alone)) == 3
        assert await asyncio.gather(*(draw(seed) for seed in (3, 2, 1) * 2)) == alone[::-1] * 2

    async def test_what_nobody_waits_for_any_more_is_too_late(self, generator: Generator) -> None:
        with pytest.raises(TooLate):
            await generator.generate(PROMPT, Sampling(8, deadline_s=0.0))
        assert (await generator.generate(PROMPT, Sampling(8, deadline_s=60.0))).text


class EngineContract(GeneratorContract):
    """What an engine over a real model does besides."""

    @pytest.mark.parametrize("messages", [PROMPT, OTHER], ids=["rooms", "refunds"])
    async def test_it_writes_what_transformers_and_peft_write(
        self, generator: Generator, oracle: Oracle, messages: list[Message]
    ) -> None:
        assert (await generator.generate(messages, Sampling(24))).text == oracle(messages, 24)

    async def test_a_text_that_the_model_ends_says_so(self, generator: Generator) -> None:
        # So hot that all tokens are nearly equally likely: of some hundreds, one will be the end.
        for seed in range(10):
            if (await generator.generate(PROMPT, Sampling(400, temperature=50.0, seed=seed))).finish == "end":
                return
        pytest.fail("Thousands of tokens, and none of them ends the text.")

    async def test_a_deadline_ends_the_writing(self, generator: Generator) -> None:
        before = await generator.generate(PROMPT, Sampling(4))
        for _ in range(3):
            with pytest.raises(TooLate):
                await generator.generate(PROMPT, Sampling(ENDLESS, deadline_s=0.02))
        assert await generator.generate(PROMPT, Sampling(4)) == before

    async def test_whoever_goes_away_makes_room(self, generator: Generator) -> None:
        before = await generator.generate(PROMPT, Sampling(4))
        for _ in range(LONGER_THAN_ANY_QUEUE):
            await _cancel_after_the_first_piece(generator)
        assert await generator.generate(PROMPT, Sampling(4)) == before

    async def test_those_who_stay_do_not_notice_those_who_go(self, generator: Generator) -> None:
        alone = (await generator.generate(OTHER, Sampling(24))).text
        staying = asyncio.create_task(generator.generate(OTHER, Sampling(24)))
        await asyncio.gather(*(_cancel_after_the_first_piece(generator) for _ in range(3)))
        assert (await staying).text == alone


async def _cancel_after_the_first_piece(generator: Generator) -> None:
    begun = asyncio.Event()
    writing = asyncio.create_task(generator.generate(PROMPT, Sampling(ENDLESS), on_text=lambda _: begun.set()))
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing


def _across_pieces(pieces: list[str]) -> str:
    """Two letters that come in two pieces, so that a stop string is put together from both."""
    for left, right in itertools.pairwise(pieces[1:]):
        if left and right and (left[-1] + right[0]).isascii():
            return left[-1] + right[0]
    raise AssertionError(f"No stop string can be made of {pieces}")
