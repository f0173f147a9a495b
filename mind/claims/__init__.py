"""Claims: what can be said of a life so that it can be checked, and the English for it."""
