"""Which language models are good minds, and what helps them."""
