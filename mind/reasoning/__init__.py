"""From percept, feeling and memories to a decision or an answer, through a language model."""
