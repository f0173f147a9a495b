"""What holds for all tests."""

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)  # how fast a machine is, is no test's business
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _hydra_speaks_as_to_a_user(monkeypatch):
    """Undo what a command that ran in this process has set: others would show tracebacks."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
