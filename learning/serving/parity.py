"""Does another engine compute what transformers computes? Compared before a converted model may serve.

transformers writes a few texts greedily; at every token, the other engine is asked for the next one's log-probabilities
after the same tokens. Those of the likely tokens must agree: then greedy choices differ only between near equals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite, log
from statistics import fmean

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bot.prompting import Passage, closed_book_prompt, grounded_prompt
from learning.chat_format import encode_prompt

TOKENS = 8
LIKELY = log(0.05)
ASKED = 20
"""Of how many tokens the other engine tells the log-probabilities: no more than these can be likely."""
_HOURS = Passage("Opening hours", "We are open from 9:00 to 17:30 on weekdays. On Saturdays we close at 12:00.")
PROMPTS = [
    grounded_prompt("When do you close on Saturdays?", [_HOURS]),
    closed_book_prompt("How do I change my e-mail address?"),
    closed_book_prompt("Grüße! Was kostet Plan №3 — 49 € or £39?"),
]

Logprobs = dict[int, float]
"""Natural log-probabilities by token."""


@dataclass(frozen=True)
class Probe:
    ids: list[int]
    likely: Logprobs
    """Of the tokens that may come next: the likeliest, and all with at least a probability of 0.05."""


@torch.inference_mode()
def probe(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[Probe]:
    """What transformers computes, in the model's precision."""
    probes = []
    for messages in PROMPTS:
        prompt = torch.tensor([encode_prompt(tokenizer, messages)], device=model.device)  # (1, T)
        written = model.generate(  # type: ignore[operator]  # its type is lost behind a decorator
            input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=TOKENS, do_sample=False,
            pad_token_id=tokenizer.eos_token_id, output_logits=True, return_dict_in_generate=True,
        )  # fmt: skip
        ids = written.sequences[0].tolist()
        lengths = range(prompt.shape[1], len(ids))
        probes += [Probe(ids[:n], _likely(logits[0])) for n, logits in zip(lengths, written.logits, strict=True)]
    return probes


def _likely(logits: torch.Tensor) -> Logprobs:
    values, tokens = logits.float().log_softmax(-1).topk(ASKED)  # (ASKED,) each
    return {int(tokens[i]): float(values[i]) for i in range(ASKED) if i == 0 or values[i] >= LIKELY}


def mean_difference(probes: Sequence[Probe], told: Sequence[Logprobs | None]) -> float:
    """In nats; infinite where a likely token is missing or not a number, and when fewer than half were told at all."""
    compared = [(each.likely, theirs) for each, theirs in zip(probes, told, strict=True) if theirs is not None]
    if 2 * len(compared) < len(probes):
        return inf
    differences = [abs(ours[t] - theirs.get(t, -inf)) for ours, theirs in compared for t in ours]
    return fmean(differences) if all(map(isfinite, differences)) else inf
