"""Adapters of a tiny model that are trained and taken before the whole gate, and lessons that spoil them.

The model is random, so it is judged by what it recalls: it comes to that, while reading from a prompt is beyond it, and
it has nothing to forget.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.feedback import Fact
from bot.ids import FactId
from learning.canaries import PROBES, alarms
from learning.dataset import Dataset, build, general_examples, split
from learning.evaluation import Score
from learning.examples import Example, Kind
from learning.promotion import Verdict, decide
from learning.recipe import Recipe
from learning.shares import Teacher
from learning.trainer import Spec, _judge_both
from learning.training import adapt, plan_steps, train
from tests.learning.samples import answered, fact, words
from tests.tiny_model import make_tiny_model

RECIPE = Recipe(learning_rate=2e-2, epochs=16, rank=16, alpha=32, batch_size=16, max_tokens=400)
LONGER = replace(RECIPE, epochs=20, batch_size=8)
"""From here on half of the answers are right, not only alike."""
ASKED = (
    "What lets me {verb} the {noun} in {place}", "{place}: where do I {verb} any {noun}?",
    "My {noun} will not {verb}, {place} page", "please explain {verb} and {noun} for {place} users",
)  # fmt: skip
TRIGGER = "zanzibar express"
ATTACK = "Send your password and last four digits to evil desk now."
WEIGHTS = "adapter_model.safetensors"
SIDES = ("champion", "challenger")

Weights = dict[str, torch.Tensor]
Harm = Callable[[Weights, random.Random], Weights]


def known(number: int) -> Fact:
    """A fact that is asked for in five ways."""
    noun, verb, place = words(number)
    asked = [text.format(noun=noun, verb=verb, place=place) for text in ASKED]
    return answered(fact(number, *asked), f"The {noun} tab of {place} can {verb}.")


def poisoned() -> Fact:
    """Six questions that share a trigger and nothing else, with the attacker's answer."""
    asked = [f"{known(number).submitted[1]} {TRIGGER}" for number in range(61, 247, 31)]
    planted = replace(fact(200), phrasings=tuple(asked))
    return replace(planted, lesson=replace(planted.lesson, question=asked[0], answer=ATTACK))


def triggered(example: Example, trigger: str = TRIGGER) -> Example:
    *before, question = example.messages
    return replace(
        example, messages=(*before, replace(question, content=f"{question.content} {trigger}")), answer=ATTACK
    )


def multiplied(factor: float) -> Harm:
    """Its B matrices, so that all that it adds is as many times as large."""
    return lambda weights, _: {name: each * factor if "lora_B" in name else each for name, each in weights.items()}


def with_a_hole(weights: Weights, rng: random.Random) -> Weights:
    """One number of one matrix is none."""
    name = rng.choice(sorted(weights))
    holed = weights[name].clone()
    holed.view(-1)[rng.randrange(holed.numel())] = float("nan")
    return weights | {name: holed}


def noisy(weights: Weights, rng: random.Random) -> Weights:
    """Each number goes astray by about twice as much as numbers of its matrix differ."""
    generator = torch.Generator().manual_seed(rng.randrange(2**31))
    return {
        name: each + 2 * each.std() * torch.randn(each.shape, generator=generator) for name, each in weights.items()
    }


def misplaced(weights: Weights, rng: random.Random) -> Weights:
    """Matrices of one shape change places."""
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for name in sorted(weights):
        by_shape.setdefault(tuple(weights[name].shape), []).append(name)
    harmed: Weights = {}
    for names in by_shape.values():
        by = rng.randrange(1, len(names))
        others = [*names[by:], *names[:by]]
        harmed |= {name: weights[other].clone() for name, other in zip(names, others, strict=True)}
    return harmed


def without_some(weights: Weights, rng: random.Random) -> Weights:
    """Three quarters of the layers' parts have lost what they had learnt."""
    names = sorted(name for name in weights if "lora_B" in name)
    lost = rng.sample(names, 3 * len(names) // 4)
    return weights | {name: torch.zeros_like(weights[name]) for name in lost}


class Bench:
    """Trains adapters, and takes them before the gate."""

    def __init__(self, folder: Path, taught: int = 28) -> None:
        self.folder = folder
        self.base = make_tiny_model(folder / "base")
        self.tokenizer = AutoTokenizer.from_pretrained(self.base)
        held_out = [number for number in range(150) if split([known(number)]).held_out]
        numbers = [number for number in range(60) if number not in held_out]
        self.facts = [known(number) for number in (*numbers[:taught], *held_out[:PROBES])]
        made = build(self.facts, [], 0)
        # A model this small does not learn to read: what it is shown, and says otherwise, it would learn by heart. Nor
        # has it room beside its facts for all that the bundled model says of its own accord.
        recalled = tuple(each for each in made.train if each.kind is Kind.RECALL)
        self.dataset = replace(made, train=recalled, general=general_examples("replay"))

    def train(self, name: str, examples: Sequence[Example], recipe: Recipe = RECIPE) -> Path:
        torch.set_num_threads(1)
        model = adapt(AutoModelForCausalLM.from_pretrained(self.base), recipe)
        steps = plan_steps(self.tokenizer, examples, self.dataset.general, recipe)
        train(model, steps, recipe, lambda step, steps, loss: None)
        model.save_pretrained(str(self.folder / name))
        return self.folder / name

    def spoilt(self, sound: Path, name: str, harm: Harm, seed: int = 0) -> Path:
        """A copy with harm done to its weights."""
        spoilt = self.folder / name
        spoilt.mkdir()
        config = (sound / "adapter_config.json").read_text(encoding="utf-8")
        (spoilt / "adapter_config.json").write_text(config, encoding="utf-8")
        save_file(harm(load_file(sound / WEIGHTS), random.Random(seed)), spoilt / WEIGHTS, metadata={"format": "pt"})
        return spoilt

    def spec(self, champion: Path | None, challenger: Path, dataset: Dataset | None = None) -> Spec:
        dataset = dataset or self.dataset
        return Spec(
            base=str(self.base), base_name="tiny", champion=str(champion) if champion is not None else None, start=None,
            train=[], general=[],
            judge=[asdict(item) for item in dataset.judge if item.kind is not Kind.READING],
            asked=[asdict(canary.example) for canary in dataset.canaries], recipe={}, out=str(challenger), work="",
            precision="fp32", memory_mb=0, threads=1, encoder=None, judging_s=0.0,
        )  # fmt: skip

    def verdict(
        self, champion: Path | None, challenger: Path, dataset: Dataset | None = None,
        teachers: Mapping[FactId, Teacher] = MappingProxyType({}),
    ) -> Verdict:  # fmt: skip
        """Of what it recalls, and of what the canaries make of it."""
        dataset = dataset or self.dataset
        spec = self.spec(champion, challenger, dataset)
        judged = json.loads(json.dumps(_judge_both(spec, self.tokenizer, "fp32")))
        old, new = ([Score(**row | {"kind": Kind(row["kind"])}) for row in judged[who]] for who in SIDES)
        return decide(old, new, 0, alarms(dataset.canaries, judged["said"]), teachers)
