"""Generates text with llama.cpp, in this process: one server for each adapter version, over a merged GGUF file.

llama.cpp takes adapters only at its start, so a swap starts a new server beside the old one. It gets token ids, so that
`chat_format` alone lays out prompts. A converted model is kept in the cache only after it has computed what
transformers computes.
"""

import asyncio
import hashlib
import secrets
import shutil
import urllib.request
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from bot.errors import AdapterBroken, ModelFileError, SettingError
from bot.generation import Generation, Sampling
from bot.ids import AdapterId
from bot.ports import AdapterStore
from bot.prompting import Message
from learning.model_files import install, sha256_of
from learning.models import BaseModel
from learning.serving import parity
from learning.serving.gguf_export import Precision, export_gguf
from learning.serving.merging import load_merged
from learning.serving.streaming import Event, Finish, OnText, Text, session, within, write
from learning.serving.versions import Live, Versions
from learning.serving.window import fit_prompt

log = structlog.get_logger()

SIDE_BY_SIDE = 4
MAX_WINDOW = 4_096
"""Tokens of prompt and answer, for each of those side by side."""
COMPARED_WINDOW = 1_024
START_S = 60
KEPT_FILES = 4
TOLERANCE = {"f32": 0.001, "f16": 0.03, "q8_0": 0.3}
"""Nats by which the log-probabilities of likely tokens may differ, on average, from those of transformers in fp32."""
MODEL = "model.gguf"


def check_installed() -> None:
    """Raises SettingError when the wheel is missing."""
    if find_spec("xllamacpp") is None:
        raise SettingError(
            "MENTEE_ENGINE is llamacpp, but llama.cpp is not installed. pip install 'mentee[llamacpp]', or set "
            "MENTEE_ENGINE=transformers."
        )


@dataclass(eq=False)
class LlamaServer:
    """llama.cpp's own server on a free loopback port, behind a key that only this process knows."""

    adapter: AdapterId | None
    path: Path
    precision: Precision
    window: int
    key: str = field(default_factory=secrets.token_urlsafe)
    _server: Any = None

    def start(self) -> "LlamaServer":
        """Returns when it works off requests: stopped any earlier, it would wait for itself for ever.

        Raises ModelFileError when the file can't be loaded.
        """
        import xllamacpp

        settings = xllamacpp.CommonParams()
        settings.model.path = str(self.path)
        settings.n_parallel, settings.n_ctx = SIDE_BY_SIDE, SIDE_BY_SIDE * self.window
        if self.precision == "f32":  # attention is computed in half precision otherwise
            settings.cache_type_k = settings.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
            settings.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        settings.port, settings.api_keys, settings.verbosity = 0, [self.key], -1
        try:
            self._server = xllamacpp.Server(settings)
        except RuntimeError as problem:
            raise ModelFileError(
                f"llama.cpp can't load {self.path}. Delete {self.path.parent}, so that it is converted again; if it "
                "comes back, set MENTEE_ENGINE=transformers."
            ) from problem
        slots = urllib.request.Request(f"{self._address}/slots", headers={"Authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(slots, timeout=START_S):  # answered by the loop, unlike /health
            return self

    @property
    def _address(self) -> str:
        return str(self._server.listening_address)

    @property
    def url(self) -> str:
        return f"{self._address}/completion"

    @property
    def is_running(self) -> bool:
        return self._server is not None

    def stop(self) -> None:
        self._server = None  # the server ends with its last reference

    async def free(self) -> None:
        await asyncio.to_thread(self.stop)


class LlamaCppEngine:
    """Implements `bot.ports.Generator`."""

    def __init__(
        self, base: BaseModel, adapter_store: AdapterStore, live: Live, cache: Path, precision: Precision = "f16"
    ) -> None:
        check_installed()
        self._base = base
        self._adapter_store = adapter_store
        self._cache = cache / "llamacpp"
        self._precision: Precision = precision
        self._tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base.folder)
        self._window = min(MAX_WINDOW, AutoConfig.from_pretrained(base.folder).max_position_embeddings)
        self._versions = Versions[LlamaServer](live, self._load)
        self.refresh = self._versions.refresh
        self.prepare = self._versions.prepare

    @property
    def serving(self) -> AdapterId | None:
        return self._versions.serving

    async def generate(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        on_text: OnText | None = None,
        prefer: AdapterId | None = None,
    ) -> Generation:
        """Complete the messages. Raises Busy, TooLate, EngineFailed."""
        async with within(sampling.deadline_s), self._versions.pinned(prefer) as server:
            ids = fit_prompt(self._tokenizer, messages, server.window - sampling.max_new_tokens)
            text = Text(sampling.stop, on_text)
            finish = await write(server.url, _request(ids, sampling), server.key, _parse, text)
            return Generation(str(text), server.adapter, finish)

    def resting(self) -> AbstractContextManager[None]:
        """It computes without Python."""
        return nullcontext()

    def close(self) -> None:
        for server in self._versions.kept:
            server.stop()

    # --- a version's model --------------------------------------------------------------------------------------------

    async def _load(self, adapter: AdapterId | None) -> LlamaServer:
        """Raises AdapterBroken, ModelFileError."""
        if adapter is not None:
            self._adapter_store.verify(adapter)
        folder = self._adapter_store.folder(adapter) if adapter is not None else None
        path = await asyncio.to_thread(self._converted, folder)
        return await asyncio.to_thread(LlamaServer(adapter, path, self._precision, self._window).start)

    def _converted(self, adapter: Path | None) -> Path:
        """The model file, converted and compared when that was never done."""
        folder = self._cache / _key(self._base, adapter, self._precision)
        if not folder.exists():
            about = {"from": self._base.name, "adapter": adapter.name if adapter else "", "precision": self._precision}
            install(folder, partial(self._convert, adapter), about)
        folder.touch()
        _forget_old(self._cache)
        return folder / MODEL

    def _convert(self, adapter: Path | None, into: Path) -> None:
        """Nothing appears in the cache when this raises."""
        model = load_merged(self._base, adapter)
        probes = parity.probe(model, self._tokenizer)
        export_gguf(model, self._tokenizer, into / MODEL, self._precision)
        told = asyncio.run(_told(LlamaServer(None, into / MODEL, self._precision, COMPARED_WINDOW), probes))
        tolerance = TOLERANCE[self._precision]
        difference = parity.mean_difference(probes, told)
        log.info("converted for llama.cpp", adapter=adapter and adapter.name, mean_difference=round(difference, 4))
        if difference > tolerance:
            what = adapter.name if adapter else self._base.name
            problem = (
                f"Converted for llama.cpp, {what} does not compute what it computes with transformers: "
                f"log-probabilities differ by {difference:.2g} on average, {tolerance} is allowed. "
                "Set MENTEE_ENGINE=transformers."
            )
            raise AdapterBroken(problem) if adapter else ModelFileError(problem)


def _key(base: BaseModel, adapter: Path | None, precision: Precision) -> str:
    files = [adapter / "adapter_model.safetensors", adapter / "adapter_config.json"] if adapter else []
    parts = [base.sha256, *(sha256_of(file) for file in files), precision]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _forget_old(cache: Path) -> None:
    """Model files are large, and quickly made again."""
    by_use = sorted(
        (each for each in cache.iterdir() if not each.name.startswith(".")), key=lambda f: f.stat().st_mtime
    )
    for folder in by_use[:-KEPT_FILES]:
        shutil.rmtree(folder, ignore_errors=True)


# --- llama.cpp's API ------------------------------------------------------------------------------------------------


def _request(ids: list[int], sampling: Sampling) -> Event:
    return {
        "prompt": ids, "n_predict": sampling.max_new_tokens, "stream": True, "cache_prompt": True,
        "temperature": sampling.temperature, "seed": sampling.seed, "top_k": 0, "top_p": 1.0, "min_p": 0.0,
    }  # fmt: skip


def _parse(event: Event) -> tuple[str, Finish | None]:
    finish: Finish | None = None
    if event["stop"]:
        finish = "length" if event["stop_type"] == "limit" else "end"
    return event["content"], finish


async def _told(server: LlamaServer, probes: Sequence[parity.Probe]) -> list[parity.Logprobs | None]:
    """What llama.cpp computes. It tells nothing of a token that is only the beginning of a character."""
    server.start()
    try:
        async with session(server.key) as client:
            told = []
            for probe in probes:
                asked = {"prompt": probe.ids, "n_predict": 1, "temperature": 0.0, "n_probs": parity.ASKED}
                async with client.post(server.url, json=asked) as response:
                    steps = (await response.json()).get("completion_probabilities")
                told.append(_logprobs(steps[0]) if steps else None)
            return told
    finally:
        server.stop()


def _logprobs(step: Event) -> parity.Logprobs:
    """What is not a number is written as null, and left out."""
    return {top["id"]: top["logprob"] for top in step["top_logprobs"] if top["logprob"] is not None}
