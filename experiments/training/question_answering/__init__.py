"""Dialogues about episodes, and learning from them."""
