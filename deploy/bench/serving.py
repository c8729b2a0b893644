"""`mentee bench serving`: answers, known and generated, beside transformers, peft and llama.cpp in the same run."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.bench.report import OURS, Bench
from deploy.logs import set_up_logs
from deploy.parts import say_stage
from deploy.settings import Settings

if TYPE_CHECKING:
    from deploy.bench.reader import Reader
    from deploy.bench.rivals import Transformers

VERSIONS = 8


def run(bench: Bench, settings: Settings, adapter: Path | None = None) -> None:
    """`adapter`: the folder of the one that is measured; without it, one that was trained for this."""
    set_up_logs(settings, at_least="warning")
    import torch
    from transformers import AutoTokenizer
    from transformers.utils import logging as transformers_logging

    from deploy.bench import events, serving_gpu
    from deploy.bench.reader import find_reader
    from learning.models import resolve_base_model

    transformers_logging.disable_progress_bar()
    base = resolve_base_model(settings.base_model, settings.cache_dir, say_stage)
    if torch.cuda.is_available():
        serving_gpu.run(bench, AutoTokenizer.from_pretrained(base.folder))
    else:
        _on_the_processor(bench, settings, find_reader(base, adapter, settings.cache_dir))
    events.known_answers(bench, settings)
    events.acknowledgement(bench, settings)


def _on_the_processor(bench: Bench, settings: Settings, reader: "Reader") -> None:
    from deploy.bench import memory
    from deploy.bench.rivals import Transformers
    from learning.serving.merging import load_merged

    memory.run(bench, reader)
    transformers = Transformers(load_merged(reader.base, reader.folder), reader.tokenizer)
    asyncio.run(_one_version(bench, settings, reader, transformers))
    asyncio.run(_many_versions(bench, reader))


async def _one_version(bench: Bench, settings: Settings, reader: "Reader", transformers: "Transformers") -> None:
    from deploy.bench import answers, conversations, mix
    from deploy.bench.reader import Deployed
    from deploy.bench.rivals import LOOKUP, TRANSFORMERS, llama_cpp, writes
    from learning.encoder import MpnetEncoder
    from learning.models import resolve_encoder
    from learning.serving.engine import Engine

    engine = Engine(reader.base, reader.files, Deployed(reader.adapter))
    try:
        exact = {TRANSFORMERS: transformers.write, LOOKUP: transformers.write_with_lookup}
        async with llama_cpp(reader, settings.cache_dir) as others:
            writers = {OURS: writes(engine), **exact, **others}
            for measure in (answers.cold, answers.cached, answers.free, answers.first_token):
                await measure(bench, reader, writers)
        await conversations.one_adapter(bench, reader, writes(engine), transformers)
        encoder = MpnetEncoder(resolve_encoder(settings.cache_dir, say_stage))
        await mix.run(bench, encoder, engine, settings.policy())
    finally:
        engine.close()


async def _many_versions(bench: Bench, reader: "Reader") -> None:
    from deploy.bench import conversations, swaps
    from deploy.bench.reader import Deployed, copies
    from learning.serving.engine import Engine

    with copies(reader, VERSIONS) as (files, adapters):
        deployed = Deployed(adapters[0])
        engine = Engine(reader.base, files, deployed, kept_slots=VERSIONS)
        try:
            await swaps.run(bench, engine, deployed, adapters[:5])
            await conversations.adapter_each(bench, reader, engine, files, adapters)
        finally:
            engine.close()
