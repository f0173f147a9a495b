"""Skills that keep a body alive: eating, drinking, sleeping, and asking what is good."""

from body.skills.navigation import go_up_to
from envs.engine.compiled import compiled_apart

SLAKED, RESTED = 0.97, 0.03  # water, and fatigue, at which enough is enough


@compiled_apart
def eat(execution, sensor_state, ground):
    """Eat a fruit.

    Does: go up to the nearest plant of that kind, and bite until a fruit is eaten.
    Ends when: it is in the mouth. What it does comes later.
    """
    go_up_to(execution, sensor_state, ground)
    return execution.arrived and sensor_state.has_eaten


@compiled_apart
def drink_from(execution, sensor_state, ground):
    """Drink one's fill.

    Does: go up to the spring, and drink.
    Ends when: no more water is wanted.
    """
    go_up_to(execution, sensor_state, ground)
    return sensor_state.water >= SLAKED


@compiled_apart
def sleep_in(execution, sensor_state, ground):
    """Sleep one's fill.

    Does: go up to the bed, and sleep.
    Ends when: it is tired no more.
    """
    go_up_to(execution, sensor_state, ground)
    return sensor_state.fatigue <= RESTED


@compiled_apart
def ask(execution, sensor_state, ground):
    """Ask a person.

    Does: go up to the person, and ask.
    Ends when: it hears something, standing there.
    """
    go_up_to(execution, sensor_state, ground)
    return execution.arrived and sensor_state.was_told
