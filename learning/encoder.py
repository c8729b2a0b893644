"""Texts as vectors: all-mpnet-base-v2, tuned on how customers ask; mean-pooled, turned into half as many numbers and
normalised, so that a dot product is a cosine.

Knows nothing of facts and sections, nor of where the model's folder comes from.
"""

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from learning.loading import one_at_a_time

Vectors = NDArray[np.float32]

PUBLISHED = "all-mpnet-base-v2"
TUNING = Path(__file__).with_name("encoder_support")
"""What encoder_tuning.py made: LoRA in PEFT's format, and the projection."""
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
PROJECTION = "projection.safetensors"
DIMENSIONS = 384
"""Of its 768, those that hold nearly all that tells texts apart: search takes half the time and room."""
MAX_TOKENS = 256
BATCH = 32


class Encoder(Protocol):
    @property
    def name(self) -> str:
        """Names the vectors in the cache: it changes whenever the same text would get another vector."""
        ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One row of unit length for each text, float32 (N, D). Blocks; may be called from several threads."""
        ...


def _name(tuning: Path) -> str:
    files = (tuning / name for name in (ADAPTER_WEIGHTS, PROJECTION))
    return f"{PUBLISHED}+{hashlib.sha256(b''.join(file.read_bytes() for file in files)).hexdigest()[:12]}"


class MpnetEncoder:
    """The real one. The weights are read on first use."""

    name = _name(TUNING)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._model: Any = None
        self._tokenizer: Any = None
        self._projection: Any = None

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        # Similar lengths share a batch, so that little is spent on padding.
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        with self._lock:
            self._load()
            for start in range(0, len(order), BATCH):
                rows = order[start : start + BATCH]
                vectors[rows] = self._encode_batch([texts[i] for i in rows])
        return vectors

    def _load(self) -> None:
        if self._model is not None:
            return
        # Imported here: it takes seconds, and most commands never encode anything.
        import torch
        from safetensors.torch import load_file
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._tokenizer = AutoTokenizer.from_pretrained(self._folder)
        self._projection = load_file(TUNING / PROJECTION)["projection"].float()
        with one_at_a_time:
            model = AutoModel.from_pretrained(self._folder).eval()
        add_lora(model, TUNING)
        self._model = model.to(torch.bfloat16 if _has_fast_bf16() else torch.float32)

    def _encode_batch(self, texts: list[str]) -> Vectors:
        import torch

        inputs = self._tokenizer(texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            vectors: Vectors = unit(mean_pooled(self._model, inputs) @ self._projection).numpy()
        return vectors


def add_lora(model: Any, folder: Path) -> None:
    """W + α/r · B·A, in place. Not by peft: importing it would take longer than encoding a question."""
    from safetensors.torch import load_file

    config = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    weights = {
        name.removeprefix("base_model.model."): w.float() for name, w in load_file(folder / ADAPTER_WEIGHTS).items()
    }
    for name in weights:
        if name.endswith(".lora_A.weight"):
            layer = name.removesuffix(".lora_A.weight")
            update = weights[f"{layer}.lora_B.weight"] @ weights[name]
            model.get_submodule(layer).weight.data += config["lora_alpha"] / config["r"] * update


def mean_pooled(model: Any, inputs: Any) -> Any:
    """Tokenised texts → the mean of each one's tokens, a float32 tensor (N, D)."""
    hidden = model(**inputs).last_hidden_state.float()
    mask = inputs["attention_mask"].unsqueeze(-1)
    return (hidden * mask).sum(1) / mask.sum(1)


def unit(vectors: Any) -> Any:
    """Each row (D,) of a tensor, of length 1."""
    return vectors / vectors.norm(dim=1, keepdim=True)


def _has_fast_bf16() -> bool:
    """Where the processor multiplies bf16, encoding takes half the time: most of it is spent on reading weights."""
    import torch

    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
