"""A drawn world and a body in it, whose skills can be asked for."""

from drawn_world import DrawnWorld

from body.senses import Senses
from body.skills import NAVIGATION_SIZE, Skills
from body.types import Intent, Manner, SkillStatus, Status, Target
from envs.trip.spec import TRIP

DONE = SkillStatus(status=Status.DONE)
RUNNING = SkillStatus(status=Status.RUNNING)


def failed(failure):
    return SkillStatus(status=Status.FAILED, failure=failure)


class Life:
    """A drawn world and a body without a motor policy: the world obeys the navigation features."""

    def __init__(self, *rows):
        self.world = DrawnWorld(*rows)
        self.senses = Senses(1, TRIP)
        self.skills = Skills(self.senses)
        self.tick()

    def intend(self, skill, object=None, color=-1, manner=Manner.NORMAL):
        target = None if object is None else Target(object=object, color=color)
        self.skills.intend(0, Intent(skill=skill, target=target, manner=manner))

    def tick(self):
        self.skills.advance(self.senses.perceive(self.world.observe()))
        return self.status

    def obey(self, ticks=400):
        """Follow the navigation features until the skill ends; return the cells gone through."""
        path = [(self.world.x, self.world.y)]
        for _ in range(ticks):
            if self.status.status != Status.RUNNING:
                break
            self.world.obey(self.navigation_features)
            self.tick()
            if path[-1] != (self.world.x, self.world.y):
                path.append((self.world.x, self.world.y))
        return path

    @property
    def navigation_features(self):
        return self.skills.skill_command()[0, -NAVIGATION_SIZE:]

    @property
    def status(self):
        return self.skills.status(0)
