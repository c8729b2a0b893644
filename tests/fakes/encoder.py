"""An encoder without a model: a bag of word stems, hashed. Shared words make texts similar, nothing else does."""

import threading
import zlib
from collections.abc import Sequence

import numpy as np

from bot.support import content_words
from learning.encoder import Vectors

DIMENSIONS = 256


class HashingEncoder:
    name = "hashing-256"

    def __init__(self) -> None:
        self.encoded: list[str] = []
        """Every text that was ever asked for."""
        self.threads: set[int] = set()

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded.extend(texts)
        self.threads.add(threading.get_ident())
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in content_words(text) or [""]:
                vectors[row, zlib.crc32(word.encode()) % DIMENSIONS] += 1
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(length, np.float32(1e-9))
        return unit
