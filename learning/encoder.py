"""Texts as vectors: all-MiniLM-L6-v2, mean-pooled and normalised, so that a dot product is a cosine.

Knows nothing of facts and sections, nor of where the model's folder comes from.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

DIMENSIONS = 384
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


class MiniLmEncoder:
    """The real one. The weights are read on first use."""

    name = "all-minilm-l6-v2"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._model: Any = None
        self._tokenizer: Any = None

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
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._tokenizer = AutoTokenizer.from_pretrained(self._folder)
        self._model = AutoModel.from_pretrained(self._folder).eval()

    def _encode_batch(self, texts: list[str]) -> Vectors:
        import torch

        inputs = self._tokenizer(texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            hidden = self._model(**inputs).last_hidden_state
            mask = inputs["attention_mask"].unsqueeze(-1)
            mean = (hidden * mask).sum(1) / mask.sum(1)
            unit: Vectors = torch.nn.functional.normalize(mean, dim=1).float().cpu().numpy()
        return unit
