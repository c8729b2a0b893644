"""The model card of an adapter: what made it, readable by people and by the tools that read PEFT folders."""

from collections.abc import Sequence
from pathlib import Path

from bot.lineage import Evaluation
from learning.recipe import Recipe, Setup

CARD = """---
base_model: {base}
library_name: peft
pipeline_tag: text-generation
---
# {name}

A LoRA adapter for {base}, trained by Mentee from what support agents taught. It is not meant to answer on its own:
Mentee serves confirmed answers word for word, and uses the adapter to write answers from help pages.

| lineage | |
|---|---|
| adapter | {adapter} |
| run | {run} |
| base weights, sha256 | {base_sha256} |
| dataset, sha256 | {dataset_sha256} |
| lessons | {lessons} |
| recipe | {recipe} |
| setup | {setup} |

## Evaluation
On held-out questions that training never saw; bounds with {confidence:.1%} confidence.

| measure | items | before | after | lower | upper | requirement | |
|---|---|---|---|---|---|---|---|
{measures}

## Lessons
{lesson_ids}
"""


def write_card(
    folder: Path, *, name: str, adapter: str, run: str, base: str, base_sha256: str, dataset_sha256: str,
    lessons: Sequence[str], recipe: Recipe, setup: Setup, evaluation: Evaluation,
) -> None:  # fmt: skip
    """Write README.md into an adapter folder."""
    measures = "\n".join(
        f"| {m.name} ({m.unit}) | {m.items} | {m.champion:.3f} | {m.challenger:.3f} | {m.lower:+.3f} | {m.upper:+.3f} "
        f"| {m.requirement} | {'passed' if m.passed else 'failed'} |"
        for m in evaluation.measures
    )
    text = CARD.format(
        name=f"Mentee {name}", adapter=adapter, run=run, base=base, base_sha256=base_sha256,
        dataset_sha256=dataset_sha256, lessons=len(lessons), recipe=recipe, setup=setup, measures=measures,
        confidence=evaluation.confidence, lesson_ids="\n".join(f"- {lesson}" for lesson in lessons),
    )  # fmt: skip
    (folder / "README.md").write_text(text, encoding="utf-8")
