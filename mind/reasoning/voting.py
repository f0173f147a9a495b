"""Voting: of several replies to one prompt the most frequent intent is taken.

Self-consistency (Wang et al. 2023, arXiv 2203.11171). How many agree is the decision's confidence.
It needs a language model that does not always write the same: a temperature above 0.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from body.types import WorldSpec
from mind.reasoning.parsing import Reply
from mind.types import Exchange

Ballot = tuple[Reply | None, tuple[Exchange, ...]]  # a reply, None where none can be used


async def vote(
    ask: Callable[[int], Awaitable[Ballot]], votes: int, spec: WorldSpec
) -> tuple[Reply | None, tuple[Exchange, ...], float]:
    """Return the first reply of those that most agree with, all that was asked, and their share.

    Args:
        ask: Asks the language model; its argument numbers the votes.
        votes: How many, at least 1; one that cannot be used counts for nobody.
        spec: World of the intents.
    """
    ballots = await asyncio.gather(*(ask(number) for number in range(votes)))
    exchanges = tuple(exchange for _, asked in ballots for exchange in asked)
    replies = [reply for reply, _ in ballots if reply]
    if not replies:
        return None, exchanges, 0.0
    words = [reply.intent.words(spec) for reply in replies]
    winner, supporters = Counter(words).most_common(1)[0]
    return replies[words.index(winner)], exchanges, supporters / votes
