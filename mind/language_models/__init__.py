"""Language models behind one small protocol, one file per backend.

Importing this package imports no backend: `transformers_model` (any Hugging Face model),
`openai_model` (any OpenAI-compatible server), `scripted` (tests) and `replay` (recorded
replies) are imported by name, and bring torch, transformers or openai only then.
"""

from mind.language_models.batching import Batcher
from mind.language_models.token_budget import TokenBudget
from mind.language_models.types import (
    Completion,
    LanguageModel,
    LanguageModelError,
    NoReply,
    Prompt,
)

__all__ = [
    "Batcher",
    "Completion",
    "LanguageModel",
    "LanguageModelError",
    "NoReply",
    "Prompt",
    "TokenBudget",
]
