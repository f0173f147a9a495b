"""How a small language model learns to be a mind: its tokenizer, and a supervised cold start."""
