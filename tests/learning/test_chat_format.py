"""Prompts and examples share their tokens, and only answers are trained on."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from bot.errors import ModelFileError
from bot.prompting import Message, closed_book_prompt
from learning.chat_format import NOT_TRAINED, encode_example, encode_prompt
from tests.tiny_model import make_tiny_model


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    folder = make_tiny_model(tmp_path_factory.mktemp("tiny"))
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return loaded


def test_an_example_begins_with_exactly_the_prompt_that_serving_sees(tokenizer: PreTrainedTokenizerBase) -> None:
    messages = closed_book_prompt("How long is the trial?")
    prompt = encode_prompt(tokenizer, messages)
    example = encode_example(tokenizer, messages, "21 days.", max_tokens=200)
    assert example.input_ids[: len(prompt)] == prompt
    assert example.labels[: len(prompt)] == [NOT_TRAINED] * len(prompt)


def test_the_answer_and_its_end_are_trained_on(tokenizer: PreTrainedTokenizerBase) -> None:
    example = encode_example(tokenizer, closed_book_prompt("How long?"), "21 days.", max_tokens=200)
    trained = [label for label in example.labels if label != NOT_TRAINED]
    assert tokenizer.decode(trained) == "21 days.<|im_end|>"


def test_a_rejected_answer_has_the_same_prompt(tokenizer: PreTrainedTokenizerBase) -> None:
    example = encode_example(tokenizer, closed_book_prompt("How long?"), "21 days.", 200, rejected="A month.")
    assert example.rejected == encode_example(tokenizer, closed_book_prompt("How long?"), "A month.", 200)
    assert example.rejected.input_ids[: example.prompt_length] == example.input_ids[: example.prompt_length]


def test_a_long_prompt_loses_its_beginning_never_the_answer(tokenizer: PreTrainedTokenizerBase) -> None:
    example = encode_example(tokenizer, [Message("user", "word " * 500)], "21 days.", max_tokens=50)
    assert len(example.input_ids) == 50
    assert "21 days." in tokenizer.decode(example.input_ids)


def test_a_long_prompt_is_cut_alike_for_the_right_and_the_rejected_answer(tokenizer: PreTrainedTokenizerBase) -> None:
    for answers in (("Yes.", "No, " * 20), ("Yes, " * 20, "No.")):
        right, wrong = answers
        example = encode_example(tokenizer, [Message("user", "word " * 500)], right, 200, rejected=wrong)
        assert example.rejected is not None
        prompts = [each.input_ids[: each.prompt_length] for each in (example, example.rejected)]
        assert prompts[0] == prompts[1]
        assert max(len(example.input_ids), len(example.rejected.input_ids)) == 200


@pytest.mark.parametrize(
    "dated",
    [
        "{{ strftime_now('%d %B %Y') }}",
        "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
        "{{ date_string }}",
    ],
)
def test_a_template_that_writes_todays_date_writes_the_same_one_every_day(tmp_path: Path, dated: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(make_tiny_model(tmp_path))
    tokenizer.chat_template = dated + tokenizer.chat_template
    asked = str(tokenizer.decode(encode_prompt(tokenizer, closed_book_prompt("How long?"))))
    assert asked.startswith("26 Jul")
    assert " 2024" in asked


def test_a_model_without_chat_template_is_refused_by_name(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path, chat_template=None)
    with pytest.raises(ModelFileError, match=r"has no chat template.*MENTEE_BASE_MODEL"):
        encode_prompt(AutoTokenizer.from_pretrained(folder), closed_book_prompt("?"))


REFUSES_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('not in turn') }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
THINKS = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}{{ '(thought)\n' }}{% endif %}{{ message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ '(thought)\n' }}{% endif %}{% endif %}"
)
SAID = [Message("assistant", "Welcome!"), Message("user", "Hello?"), Message("user", "Is anybody there?")]


@pytest.mark.parametrize("template", [REFUSES_SYSTEM, THINKS], ids=["no system message", "thinks first"])
def test_templates_with_a_will_of_their_own_can_be_asked_and_trained(tmp_path: Path, template: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(make_tiny_model(tmp_path, chat_template=template))
    messages = [Message("system", "Be kind."), *SAID]
    example = encode_example(tokenizer, messages, "Yes.", 200)
    assert example.input_ids[: example.prompt_length] == encode_prompt(tokenizer, messages)
    asked = tokenizer.decode(encode_prompt(tokenizer, messages))
    assert "Be kind." in asked
    assert "Hello?\n\nIs anybody there?" in asked
    assert "Welcome!" not in asked
    assert tokenizer.decode(example.input_ids[example.prompt_length :]) == "Yes.<|im_end|>"
