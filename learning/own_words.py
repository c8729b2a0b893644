"""What a base model says of its own accord, about anything: training holds the adapter to it, so that other texts than
the company's stay as likely as they were.

Begins a chat with the template's opening alone, so that the model first asks and then answers (Magpie, Xu et al. 2024).
Knows nothing of training. For the bundled model: `python -m learning.own_words FOLDER > learning/own_words.jsonl`.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from transformers import AutoModelForCausalLM, AutoTokenizer

WANTED = 200
AT_ONCE = 32
QUESTION_TOKENS = 56
ANSWER_TOKENS = 56
"""A longer answer is cut off: what it begins with tells as much about the model, in less time."""
LEAST_CHARS, MOST_CHARS = 15, 240
SEED = 0
PLACE = "\x00"


def said(folder: Path) -> Iterator[tuple[str, str]]:
    """Questions and answers without end, none twice."""
    torch.manual_seed(SEED)
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    template: Any = tokenizer.apply_chat_template(
        [{"role": "user", "content": PLACE}], add_generation_prompt=True, tokenize=False
    )
    opening, middle = template.split(PLACE)
    seen = set[str]()
    while True:
        begun = _written(model, tokenizer, [opening] * AT_ONCE, QUESTION_TOKENS)
        questions = [text for text, ended in begun if ended and _is_plain(text) and text not in seen]
        seen.update(questions)
        prompts = [f"{opening}{question}{middle}" for question in questions]
        answers = _written(model, tokenizer, prompts, ANSWER_TOKENS) if prompts else []
        yield from ((q, text) for q, (text, _) in zip(questions, answers, strict=True) if _is_plain(text))


@torch.inference_mode()
def _written(model: Any, tokenizer: Any, prompts: Sequence[str], most: int) -> list[tuple[str, bool]]:
    """What is sampled after each prompt, and whether it came to its end."""
    inputs = tokenizer(list(prompts), return_tensors="pt", padding=True, add_special_tokens=False)
    ids = model.generate(
        **inputs, do_sample=True, temperature=1.0, top_p=0.95, max_new_tokens=most, pad_token_id=tokenizer.pad_token_id
    )
    new = ids[:, inputs["input_ids"].shape[1] :]
    ended = (new == tokenizer.eos_token_id).any(1).tolist()
    texts = tokenizer.batch_decode(new, skip_special_tokens=True)
    return [(text.strip(), end) for text, end in zip(texts, ended, strict=True)]


def _is_plain(text: str) -> bool:
    return LEAST_CHARS <= len(text) <= MOST_CHARS and text.isascii() and "<|" not in text


def main(folder: Path) -> None:
    pairs = said(folder)
    for number in track(range(WANTED), "Listening to the base model", console=Console(stderr=True)):
        question, answer = next(pairs)
        row = {"id": f"o{number + 1:03}", "split": "replay", "question": question, "answer": answer}
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
