"""Embed, HashedWords: from what was lived, in words, to a vector that can be compared."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mind.types import Experience

WORD = re.compile(r"\w+")

# In nearly every sentence, so they would make all of them look alike.
FUNCTION_WORDS = frozenset(
    WORD.findall(
        "a am an and are as at be been but by for from had has have i in is it its me my of on or "
        "that the then there this to was were with"
    )
)


class Embed(Protocol):
    """Turns texts into vectors, always the same ones for the same text."""

    def __call__(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Return one vector for each of N texts, (N, D)."""
        ...


def experience_text(experience: Experience) -> str:
    """Return what an experience is found by: its sentence, what it was, and its five parts."""
    return "\n".join(
        (
            experience.words,
            experience.kind,
            experience.about,
            experience.sensation,
            experience.visual,
            experience.emotion,
            experience.proprioception,
            experience.motor,
        )
    )


class HashedWords:
    """Embeds an English text by its words and pairs of neighbouring words; needs no model.

    Each word and pair adds 1 + ln(times it occurs) to one dimension, with a sign; dimension and
    sign come from its BLAKE2b hash, so they are the same in every process and on every machine.
    The signs make collisions cancel on average (Weinberger et al. 2009, arXiv 0902.2206).

    Example:
        >>> near, far = HashedWords()(["a red cable", "the red cable"]) @ HashedWords()(["red"])[0]
        >>> bool(near > 0)
        True
    """

    def __init__(self, dimensions: int = 256):
        """Make vectors of `dimensions` numbers, at least 1; fewer means more collisions."""
        if dimensions < 1:
            raise ValueError(f"dimensions must be at least 1, got {dimensions}; 256 is usual")
        self.dimensions = dimensions

    def __call__(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        """Return (N, dimensions) vectors of length one; zero for a text without words."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            self._fill(vector, text)
        return unit_length(vectors)

    def _fill(self, vector: NDArray[np.float32], text: str) -> None:
        times = Counter(features(text))
        if not times:
            return
        hashes = np.fromiter((stable_hash(feature) for feature in times), np.uint64, len(times))
        weights = 1 + np.log(np.fromiter(times.values(), np.float32, len(times)))
        # The lowest bit is the sign, the rest the dimension.
        signed = np.where(hashes & np.uint64(1), weights, -weights)
        np.add.at(vector, (hashes >> np.uint64(1)) % np.uint64(self.dimensions), signed)


def features(text: str) -> list[str]:
    """Return the telling words of a text, case folded, and the pairs of neighbours on a line."""
    found: list[str] = []
    for line in text.casefold().splitlines():
        words = [word for word in WORD.findall(line) if word not in FUNCTION_WORDS]
        found += words
        found += [f"{first} {second}" for first, second in pairwise(words)]
    return found


@lru_cache(maxsize=1 << 16)
def stable_hash(feature: str) -> int:
    """Return 64 bits that depend on the text alone, unlike `hash`."""
    encoded = feature.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(encoded, digest_size=8).digest(), "little")


def unit_length(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors (N, D) of length one; those of length zero stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
