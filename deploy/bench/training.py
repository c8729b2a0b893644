"""`mentee bench training`: tokens a second and loss curves of our training beside TRL's, in the same run.

Data, rank, batch size, precision, threads, optimiser and initial weights are the same. TRL shuffles and pads; ours
groups rows by length, computes what all prompts of a batch begin with once, and the head at answer positions alone.
"""

import warnings
from typing import TYPE_CHECKING

from deploy.bench import training_texts as texts
from deploy.bench.report import Bench
from deploy.parts import say_stage
from deploy.settings import Settings
from learning.recipe import Recipe

if TYPE_CHECKING:
    from deploy.bench.training_turns import Workload

SIZES = (100, 300, 1_000, 3_000)
PAIRS = (100, 1_000)
SUPERVISED = Recipe(learning_rate=1e-4, kl_weight=0.0, warmup_share=0.0)
PREFERENCES = Recipe(method="dpo", learning_rate=1e-4, kl_weight=0.0, warmup_share=0.0)


def run(bench: Bench, settings: Settings) -> None:
    """Raises SettingError when TRL is not installed."""
    import torch
    from transformers import AutoTokenizer
    from transformers.utils import logging as transformers_logging

    from deploy.bench import training_gpu
    from deploy.bench.training_turns import measure
    from learning.models import resolve_base_model

    transformers_logging.disable_progress_bar()
    warnings.filterwarnings("ignore", module="transformers|trl")  # they warn of each other's deprecated names
    base = resolve_base_model(settings.base_model, settings.cache_dir, say_stage)
    if torch.cuda.is_available():
        return training_gpu.run(bench, AutoTokenizer.from_pretrained(base.folder), SUPERVISED)
    for workload in bench.each(workloads(), lambda workload: workload.name):
        measure(bench, workload, base.folder)
    return None


def workloads() -> list["Workload"]:
    """A step takes 8 rows: about 3,800 tokens with the shared prompt, 1,400 without it, 2,800 of pairs."""
    from deploy.bench.training_turns import Workload

    shared, varied, pairs = texts.with_shared_prompt, texts.without_shared_prompt, texts.pairs
    return [
        Workload("SFT, shared prompt", "sft_shared_prompt_vs_trl", SUPERVISED, shared, SIZES, 1, "sharing"),
        Workload("SFT", "sft_vs_trl", SUPERVISED, varied, SIZES, 2, "grouping"),
        Workload("DPO", "dpo_vs_trl", PREFERENCES, pairs, PAIRS, 1, "grouping"),
    ]
