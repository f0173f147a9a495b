"""A tokenizer of its own for the bundled model: byte-level pairs, learned from the corpus.

With so small a world nearly every word becomes one token, and any other text can still be written,
byte by byte. The chat template leaves the system message out: what it says is what the model was
trained on, and reading it would cost half of the context at every decision.
"""

# tokenizers declares few of its types:
# pyright: reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

TAGS = ("<think>", "</think>", "<answer>", "</answer>", "<say>", "</say>")
PAD, ASKER, MIND, END = "<pad>", "<asker>", "<mind>", "<end>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}<asker>{{ message['content'] }}"
    "{% elif message['role'] == 'assistant' %}<mind>{{ message['content'] }}<end>"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<mind>{% endif %}"
)


def train_tokenizer(texts: Iterable[str], size: int = 1024):
    """Return a `PreTrainedTokenizerFast` with at most `size` tokens.

    Args:
        texts: What it shall write in few tokens.
        size: Tokens in all, the 256 bytes and the tags included; at least 300.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if size < 300:
        raise ValueError(f"size must be at least 300 (bytes and tags need 266), got {size}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(TAGS),
        special_tokens=[PAD, ASKER, MIND, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens(list(TAGS))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, padding_side="left"
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def add_words(tokenizer: Any, texts: Iterable[str], limit: int) -> list[str]:
    """Give words of texts a token each, and return them, those that save most tokens first.

    A model reads such words otherwise than before, and longer ones that begin with them: it has to
    learn from these texts.

    Args:
        tokenizer: Gets the words, each with the blank before it.
        texts: What shall be written in fewer tokens.
        limit: Most words.
    """
    saved = {
        word: count * (len(tokenizer.encode(word, add_special_tokens=False)) - 1)
        for word, count in words_in(texts).items()
    }
    best = sorted((word for word in saved if saved[word] > 0), key=lambda word: -saved[word])
    tokenizer.add_tokens(best[:limit])
    return best[:limit]


def words_in(texts: Iterable[str]) -> Counter[str]:
    """Return how often each word of at least three letters comes, with the blank before it."""
    return Counter(word for text in texts for word in re.findall(r" [a-zA-Z]{3,}", text))
