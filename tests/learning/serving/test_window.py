"""A prompt that is too long loses its oldest turns, then the end of its documents, and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, Gemma3Config, LlamaConfig, PreTrainedTokenizerBase

from bot.errors import EngineFailed
from bot.prompting import INSTRUCTIONS, Message, Passage, grounded_prompt
from learning.chat_format import encode_prompt
from learning.serving.window import fit_prompt, window_of
from tests.tiny_model import make_tiny_model

QUESTION = "Where are the rooms?"
DOCUMENT = Passage("Rooms", "Open the settings and choose Rooms. " * 30)
TURNS = [
    Message("user", "Hello, this is my first question."),
    Message("assistant", "And this is my first answer."),
    Message("user", "This is my second question."),
    Message("assistant", "And this is my second answer."),
]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(make_tiny_model(tmp_path_factory.mktemp("tiny")))
    return loaded


def test_a_model_that_also_sees_reads_as_much_as_its_text_model(tokenizer: PreTrainedTokenizerBase) -> None:
    seeing = Gemma3Config(text_config={"max_position_embeddings": 321})
    assert window_of(LlamaConfig(max_position_embeddings=321), tokenizer) == window_of(seeing, tokenizer) == 321


def with_turns(*turns: Message) -> list[Message]:
    first, question = grounded_prompt(QUESTION, [DOCUMENT])
    return [first, *turns, question]


def test_what_fits_stays_as_it_is(tokenizer: PreTrainedTokenizerBase) -> None:
    messages = with_turns(*TURNS)
    whole = encode_prompt(tokenizer, messages)
    assert fit_prompt(tokenizer, messages, len(whole)) == whole


def test_the_oldest_question_goes_first_with_its_answer(tokenizer: PreTrainedTokenizerBase) -> None:
    whole = encode_prompt(tokenizer, with_turns(*TURNS))
    assert fit_prompt(tokenizer, with_turns(*TURNS), len(whole) - 1) == encode_prompt(tokenizer, with_turns(*TURNS[2:]))


@settings(max_examples=20)
@given(st.integers(0, 300))
def test_instructions_and_question_stay_whole(tokenizer: PreTrainedTokenizerBase, more: int) -> None:
    least = len(encode_prompt(tokenizer, [Message("system", INSTRUCTIONS), Message("user", QUESTION)]))
    ids = fit_prompt(tokenizer, with_turns(*TURNS), least + more)
    assert len(ids) <= least + more
    text = tokenizer.decode(ids)
    assert INSTRUCTIONS in text
    assert QUESTION in text
    assert TURNS[0].content not in text


@pytest.mark.parametrize("before", [[], [Message("system", "Be kind.")]])
def test_a_question_that_can_not_fit_is_refused(tokenizer: PreTrainedTokenizerBase, before: list[Message]) -> None:
    with pytest.raises(EngineFailed, match="doesn't fit the model's 5"):
        fit_prompt(tokenizer, [*before, Message("user", QUESTION)], 5)
