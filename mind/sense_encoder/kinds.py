"""The five kinds of memory, and the size of their vectors."""

from enum import StrEnum

EMBEDDING_SIZE = 64


class Kind(StrEnum):
    """A kind of memory, in the order of the rows of an experience's embeddings."""

    SENSATION = "sensation"
    VISUAL = "visual"
    EMOTION = "emotion"
    PROPRIOCEPTION = "proprioception"
    MOTOR = "motor"


KINDS = tuple(Kind)
