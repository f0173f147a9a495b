"""Scripted planners: from a mission to intents, by a fixed table."""
