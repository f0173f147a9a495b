"""Can it tell its own life? Questions about what was lived, each answer checked."""
