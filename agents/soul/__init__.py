"""The soul: what matters to this one, and what it makes of what happens."""

from agents.soul.appraisal import EMOTIONS
from agents.soul.drive import Drive
from agents.soul.needs import NEEDS, Needs
from agents.soul.soul import Feelings, Soul
from agents.soul.temperament import Temperament

__all__ = ["EMOTIONS", "NEEDS", "Drive", "Feelings", "Needs", "Soul", "Temperament"]
