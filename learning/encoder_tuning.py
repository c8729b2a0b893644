"""Tunes the encoder on how customers ask. Not needed to run the bot:

    python -m learning.encoder_tuning --cache ~/.cache/mentee --out learning/encoder_support

Questions that mean the same should be near each other, and far from the questions that are confused with them. LoRA
(Hu et al. 2021) on the encoder's linear layers, and the symmetric InfoNCE loss (van den Oord et al. 2018) over batches
in which the facts of a group, which are easily confused, stand side by side. Only the practice facts are used: the
demo's stay unseen, since the router is calibrated on them. The vectors are then turned into as many numbers as hold
nearly all of them: the first right singular vectors of those of all practice texts (Eckart & Young 1936).
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from rich.progress import track
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from learning.encoder import (
    ADAPTER_WEIGHTS,
    BATCH,
    DIMENSIONS,
    PROJECTION,
    PUBLISHED,
    TUNING,
    add_lora,
    mean_pooled,
    unit,
)
from learning.examples import Entry
from learning.models import resolve_encoder
from learning.starter.practice import Groups, practice_groups

QUESTIONS = TUNING / "questions.csv"
"""More fictional facts, with more ways of asking for each."""
EPOCHS = 12
BATCH_GROUPS = 24
LEARNING_RATE = 3e-4
TEMPERATURE = 0.05
RANK = 8
SHARE = 0.75
"""Of what was learnt, what is kept: on the way back to the published encoder, the tuned one serves its own data and
others' better (Wortsman et al. 2022)."""
ANSWER_SHARE = 0.25
"""How often a question's counterpart is the answer instead of another question."""
MAX_TOKENS = 64
SEED = 0


def tune(folder: Path, groups: Groups, out: Path) -> None:
    """Train, and write the adapter in PEFT's format and the projection, fp16, beside what is there."""
    torch.manual_seed(SEED)
    rng = random.Random(SEED)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    config = LoraConfig(
        r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", exclude_modules=["pooler.dense"],
        task_type="FEATURE_EXTRACTION",
    )  # fmt: skip
    model = get_peft_model(AutoModel.from_pretrained(folder), config)
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE, weight_decay=0.0)
    steps = [batch for _ in range(EPOCHS) for batch in batches(groups, rng)]
    for number, batch in enumerate(track(steps, "Tuning the encoder")):
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * min(1.0, (number + 1) / 10) * (1 - number / len(steps))
        texts, counterparts = zip(*(pair(entry, rng) for entry in batch), strict=True)
        with torch.autocast("cpu", torch.bfloat16):
            pooled = [mean_pooled(model, _tokens(tokenizer, part)) for part in (texts, counterparts)]
        loss = info_nce(*map(unit, pooled))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    model.peft_config["default"].base_model_name_or_path = f"sentence-transformers/{PUBLISHED}"
    model.save_pretrained(str(out))
    (out / "README.md").unlink()  # peft's empty form of a model card
    kept = {name: _kept(name, weight) for name, weight in load_file(out / ADAPTER_WEIGHTS).items()}
    save_file(kept, out / ADAPTER_WEIGHTS, {"format": "pt"})
    save_file({"projection": projection(folder, out, groups).to(torch.float16)}, out / PROJECTION)


def _kept(name: str, weight: Tensor) -> Tensor:
    return (SHARE * weight if "lora_B" in name else weight).to(torch.float16)


def projection(folder: Path, tuning: Path, groups: Groups) -> Tensor:
    """(D, DIMENSIONS), of orthonormal columns."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    add_lora(model, tuning)
    texts = sorted({text for group in groups for entry in group for text in (*entry.questions, entry.answer)}, key=len)
    with torch.inference_mode():
        parts = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        pooled = [
            mean_pooled(model, _tokens(tokenizer, part)) for part in track(parts, "Turning them into fewer numbers")
        ]
        directions: Tensor = torch.linalg.svd(unit(torch.cat(pooled)), full_matrices=False).Vh
    return directions[:DIMENSIONS].T.contiguous()


def batches(groups: Groups, rng: random.Random) -> Iterator[list[Entry]]:
    """One epoch: whole groups, in random order."""
    shuffled = rng.sample(groups, len(groups))
    for start in range(0, len(shuffled), BATCH_GROUPS):
        yield [entry for group in shuffled[start : start + BATCH_GROUPS] for entry in group]


def pair(entry: Entry, rng: random.Random) -> tuple[str, str]:
    """Two texts that mean the same."""
    first, second = rng.sample(entry.questions, 2)
    return first, entry.answer if rng.random() < ANSWER_SHARE else second


def info_nce(texts: Tensor, counterparts: Tensor) -> Tensor:
    """Cross-entropy of finding each text's counterpart among all, and the other way round, in nats. (B, D) each."""
    similarity = texts @ counterparts.T / TEMPERATURE
    right = torch.arange(len(texts))
    return (F.cross_entropy(similarity, right) + F.cross_entropy(similarity.T, right)) / 2


def _tokens(tokenizer: Any, texts: Sequence[str]) -> Any:
    return tokenizer(list(texts), padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cache", type=Path, required=True, help="where the encoder lies or is put")
    parser.add_argument("--out", type=Path, required=True, help="folder of the adapter")
    options = parser.parse_args()
    groups = [*practice_groups(), *practice_groups(QUESTIONS)]
    tune(resolve_encoder(options.cache.expanduser()), groups, options.out)


if __name__ == "__main__":
    main()
