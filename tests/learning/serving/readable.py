"""A tiny model that writes ASCII greedily, for engines that hand out text: parts of characters have no text of their
own."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.tiny_model import make_tiny_model


@torch.no_grad()
def make_readable_model(folder: Path) -> Path:
    """The tiny random model; each token that is no ASCII text is always less likely than some token that is."""
    make_tiny_model(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    texts = [str(tokenizer.decode([i])) for i in range(len(tokenizer))]
    ascii_ids = [i for i, text in enumerate(texts) if text.isascii() and text.isprintable()]
    for i in set(range(2, len(texts))) - set(ascii_ids):  # 0 and 1 begin and end a message
        model.lm_head.weight[i] = model.lm_head.weight[ascii_ids[i % len(ascii_ids)]] / 2
    model.save_pretrained(folder)
    return folder
