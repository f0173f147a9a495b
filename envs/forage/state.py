"""What is true of one body that forages: a walking body's record, and what it needs besides."""

import numpy as np

from envs.forage.contexts import FOOD_COUNT, PLANTS
from envs.trip.state import BODY_FIELDS, EVENT_FIELDS, LAYOUT_FIELDS

MEALS = 4  # that a gut holds

# What is added stands first: a record that began like one of `trip` would be taken for one by the
# compiler, with a long warning.
BODY = np.dtype(
    [
        # this lifetime's context
        ("effects", np.int8, (FOOD_COUNT,)),  # numbers of `Effect`, by food
        ("persons", np.uint64),  # key of who has lived what
        # plants of this field
        ("ripe", np.int8, (PLANTS,)),  # fruits on each
        ("grows", np.int16, (PLANTS,)),  # ticks until the next one is ripe
        # gut: meals in the order in which they were eaten, and leave it
        ("meal", np.int8, (MEALS,)),  # numbers of foods
        ("meal_ticks", np.int16, (MEALS,)),  # until it does what it does, after the one before
        ("meals", np.int8),
        ("use_ticks", np.int16),  # that it has been busy with what is ahead
        # needs, beside those that every body has
        ("protein", np.float32),
        ("belly", np.float32),  # pain
        ("ill_ticks", np.int16),  # that it goes on
        # felt in this tick only
        ("mouth", np.float32),
        ("heat", np.float32),
        ("refused", np.float32),
        # kept score
        ("ticks_well", np.int32),
        ("meals_eaten", np.int32),
        ("times_ill", np.int32),
        ("eaten", np.int16, (PLANTS,)),  # fruits of each plant
        ("times_burned", np.int32),
        ("collapsed", np.int8),
        ("least", np.float32, (6,)),  # of each need, so far; see `dynamics.LEVELS`
        *BODY_FIELDS,
    ],
    align=True,
)

EVENT = np.dtype([("object", np.int8), ("color", np.int8), *EVENT_FIELDS], align=True)

LAYOUT = np.dtype(
    [
        ("foods", np.int8, (PLANTS,)),
        ("plant_x", np.int16, (PLANTS,)),
        ("plant_y", np.int16, (PLANTS,)),
        ("fire_x", np.int16),
        ("fire_y", np.int16),
        *LAYOUT_FIELDS,
    ],
    align=True,
)
