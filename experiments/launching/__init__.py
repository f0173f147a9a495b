"""Runs from configuration to run folder: one, a sweep of them, or bare episodes side by side."""
