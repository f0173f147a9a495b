"""Experiments on the `trip` world itself."""
