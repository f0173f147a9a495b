"""Runs in the form of other tools: a Minari dataset, or recordings for Rerun."""
