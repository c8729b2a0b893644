"""What every generator keeps to. A test class that inherits from it brings the `generator` fixture."""

import asyncio

from bot.generation import Sampling
from bot.ports import Generator
from bot.prompting import Message, Passage, grounded_prompt

PASSAGES = [Passage("Rooms", "Open the settings and choose Rooms."), Passage("Refunds", "They take five days.")]
PROMPT = grounded_prompt("Where are the rooms?", PASSAGES)
OTHER = grounded_prompt("How long do refunds take?", PASSAGES[::-1])


class GeneratorContract:
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
        short = (await generator.generate(PROMPT, Sampling(3))).text
        long = (await generator.generate(PROMPT, Sampling(6))).text
        assert long.startswith(short)
        assert len(long) > len(short)

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
