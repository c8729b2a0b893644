"""llama.cpp in a process of its own, as it runs for who uses it: in ours, its threads and torch's get in the way.

Knows nothing of what is measured.
"""

import asyncio
import contextlib
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bot.errors import MenteeError
from bot.generation import Sampling
from bot.prompting import Message
from deploy.bench.reader import Deployed, Reader
from learning.serving.gguf_export import Precision
from learning.serving.llamacpp import LlamaCppEngine


class LlamaCppProcess:
    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    async def open(self, reader: Reader, cache: Path, precision: Precision) -> bool:
        """Whether it serves the reader's adapter: it may not be installed, or not take the model."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _open, reader, cache, precision)

    async def write(self, prompt: Sequence[Message], tokens: int) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._pool, _write, [*prompt], tokens)

    def close(self) -> None:
        self._pool.submit(_close).result()
        self._pool.shutdown()


# --- there ----------------------------------------------------------------------------------------------------------

_runner = asyncio.Runner()
_engines: list[LlamaCppEngine] = []


def _open(reader: Reader, cache: Path, precision: Precision) -> bool:
    with contextlib.suppress(MenteeError):
        engine = LlamaCppEngine(reader.base, reader.files, Deployed(reader.adapter), cache, precision)
        _engines.append(engine)
        _runner.run(engine.refresh())
        return engine.serving == reader.adapter
    return False


def _write(prompt: list[Message], tokens: int) -> str:
    return _runner.run(_engines[-1].generate(prompt, Sampling(tokens))).text


def _close() -> None:
    for engine in _engines:
        engine.close()
    _runner.close()
