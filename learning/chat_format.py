"""Messages → token ids and labels, by the base model's own chat template. Shared by training, judging and serving.

Knows nothing of what the messages say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transformers import PreTrainedTokenizerBase

from bot.errors import ModelFileError
from bot.prompting import Message

NOT_TRAINED = -100
SAME_DAY = (
    "{%- macro strftime_now(format) -%}{{ format.replace('%d', '26').replace('%b', 'Jul').replace('%B', 'July')"
    ".replace('%m', '07').replace('%y', '24').replace('%Y', '2024') }}{%- endmacro -%}"
)
"""For templates that ask for the date: what Llama's own say where they aren't told."""


@dataclass(frozen=True)
class Encoded:
    input_ids: list[int]  # (T,)
    labels: list[int]  # (T,), -100 = not trained: the prompt
    rejected: "Encoded | None" = None
    """The same prompt with an answer that was corrected."""
    mismatched: "Encoded | None" = None
    """The same prompt with the answer to another question, where KTO asks for one."""

    @property
    def prompt_length(self) -> int:
        return self.labels.count(NOT_TRAINED)

    @property
    def answer_length(self) -> int:
        return len(self.labels) - self.prompt_length

    @property
    def answer_ids(self) -> list[int]:
        return self.input_ids[self.prompt_length :]

    def with_answer_of(self, other: "Encoded") -> "Encoded":
        """This prompt with another row's answer."""
        prompt, answer = self.prompt_length, other.prompt_length
        return Encoded(self.input_ids[:prompt] + other.input_ids[answer:], self.labels[:prompt] + other.labels[answer:])


def encode_prompt(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message]) -> list[int]:
    """Token ids up to where the answer begins."""
    return _ids(tokenizer, _render(tokenizer, messages, open_ended=True))


def encode_example(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Message],
    answer: str,
    max_tokens: int,
    rejected: str | None = None,
) -> Encoded:
    """Token ids of prompt and answer; only the answer and its end are trained on.

    The two are tokenised apart, so that the prompt's ids are those that serving will see. What is too long loses
    the prompt's beginning, never the answer; a rejected answer has the same prompt.
    """
    prompt_text = _render(tokenizer, messages, open_ended=True)
    said = [answer, rejected] if rejected is not None else [answer]
    answers = [_answer_ids(tokenizer, messages, prompt_text, text)[:max_tokens] for text in said]
    prompt_ids = _ids(tokenizer, prompt_text)[-max(1, max_tokens - max(map(len, answers))) :]
    rows = [Encoded(prompt_ids + ids, [NOT_TRAINED] * len(prompt_ids) + ids) for ids in answers]
    return replace(rows[0], rejected=rows[1]) if rejected is not None else rows[0]


def _answer_ids(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], prompt_text: str, answer: str
) -> list[int]:
    full_text = _render(tokenizer, [*messages, Message("assistant", answer)], open_ended=False)
    if not full_text.startswith(prompt_text):
        raise ModelFileError(
            f"The chat template of {tokenizer.name_or_path!r} writes an answer differently from how it asks for one, "
            "so it can't be trained on. Choose another base model (MENTEE_BASE_MODEL)."
        )
    return _ids(tokenizer, full_text[len(prompt_text) :].rstrip("\n"))


def _render(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], *, open_ended: bool) -> str:
    if tokenizer.chat_template is None:
        raise ModelFileError(
            f"The base model {tokenizer.name_or_path!r} has no chat template, so it can't be asked anything. "
            "Choose one that was made for chat (MENTEE_BASE_MODEL)."
        )
    turns = in_turn(messages)
    try:
        return _apply(tokenizer, turns, open_ended=open_ended)
    except Exception:  # whatever the template raises: it is the model's own code
        return _apply(tokenizer, without_system(turns), open_ended=open_ended)


def _apply(tokenizer: PreTrainedTokenizerBase, turns: Sequence[Message], *, open_ended: bool) -> str:
    """Models that can think at length first (Qwen3) are asked not to; other templates don't know the word.

    Some templates write today's date (Llama 3.2, SmolLM3). They get the same one for good, in training, judging and
    serving alike: else a training that goes on after midnight would see other tokens, and an adapter that is made again
    had other bytes. Only an OpenAI-compatible server, which lays out the messages itself, writes its own.
    """
    rows = [{"role": turn.role, "content": turn.content} for turn in turns]
    rendered = tokenizer.apply_chat_template(
        rows,
        tokenize=False,
        add_generation_prompt=open_ended,
        enable_thinking=False,
        chat_template=_dated(tokenizer.get_chat_template()),
    )
    return str(rendered)


def _dated(template: str) -> str:
    """A macro hides the function that transformers gives to templates; one of ours it would not let through."""
    return f"{SAME_DAY}{template}" if "strftime_now" in template else template


def in_turn(messages: Sequence[Message]) -> list[Message]:
    """The person first, and never twice the same: many templates insist on it."""
    turns: list[Message] = []
    for message in messages:
        if turns and turns[-1].role == message.role:
            turns[-1] = Message(message.role, f"{turns[-1].content}\n\n{message.content}")
        elif message.role != "assistant" or any(turn.role == "user" for turn in turns):
            turns.append(message)
    return turns


def without_system(turns: Sequence[Message]) -> list[Message]:
    """For models that know no system message (Gemma 2): the first question begins with it."""
    first, *others = turns
    if first.role != "system" or not others:
        return list(turns)
    return [Message("user", f"{first.content}\n\n{others[0].content}"), *others[1:]]


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
