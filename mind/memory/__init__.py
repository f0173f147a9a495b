"""What was lived, on disk: experiences in five parts, recalled by how recent, important and alike.

`ExperienceStore` is the memory of every run: one SQLite file, one matrix for the search.
`Memory` is what a mind asks of any memory, so that another one can take its place.
"""

from mind.memory.base import Memory, MemoryFileError, Moment, Query, Recollection
from mind.memory.embedding import Embed, HashedWords, experience_text
from mind.memory.store import ExperienceStore

__all__ = [
    "Embed",
    "ExperienceStore",
    "HashedWords",
    "Memory",
    "MemoryFileError",
    "Moment",
    "Query",
    "Recollection",
    "experience_text",
]
