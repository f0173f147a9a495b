"""What holds for all tests."""

import pytest


@pytest.fixture(autouse=True)
def _hydra_speaks_as_to_a_user(monkeypatch):
    """Undo what a command that ran in this process has set: others would show tracebacks."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
