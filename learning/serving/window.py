"""Messages → a prompt that fits the model's window. The oldest turns go first, then the end of the documents.

The instructions, which everything begins with, and the question, which everything ends with, stay whole.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import dropwhile

from transformers import PretrainedConfig, PreTrainedTokenizerBase

from bot.errors import EngineFailed
from bot.prompting import Message
from learning.chat_format import encode_prompt

CUT_AT_A_TIME = 200  # characters


def window_of(config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> int:
    """Tokens that a model takes. One that also sees or hears (Gemma 3) says it of its part that reads."""
    return int(getattr(config.get_text_config(), "max_position_embeddings", None) or tokenizer.model_max_length)


def fit_prompt(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], most: int) -> list[int]:
    """Token ids, at most `most`. Raises EngineFailed when instructions and question alone are more."""
    kept = list(messages)
    while len(ids := encode_prompt(tokenizer, kept)) > most:
        kept = _shorter(kept, len(ids), most)
    return ids


def _shorter(messages: list[Message], length: int, most: int) -> list[Message]:
    first, *turns, question = [Message("system", ""), *messages][-max(2, len(messages)) :]
    if turns:  # what was answered goes with its question
        return [first, *dropwhile(lambda turn: turn.role == "assistant", turns[1:]), question]
    instructions, break_, documents = first.content.partition("\n\n")
    if not documents:
        raise EngineFailed(f"A question of {length} tokens doesn't fit the model's {most}. It has to be shorter.")
    kept = documents[: max(0, len(documents) - CUT_AT_A_TIME)]
    return [replace(first, content=instructions + (break_ + kept if kept else "")), question]
