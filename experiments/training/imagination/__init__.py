"""Training an imagination: lived attempts, what came of them, and an ensemble that learns it."""
