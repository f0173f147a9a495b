"""What is true of one body and its world: the record that is stepped, forked and restored.

One row per body. A row holds everything that changes, so a fork is a copy of rows; the layouts
that rows point into never change.
"""

import numpy as np

OBJECTS = 6  # persons and objects that can be moved, per world
GRID = 14  # cells along each side, walls included
PAD = 6  # unseen cells around the grid, so that a view never leaves the array
SPAN = GRID + 2 * PAD

BODY_FIELDS = [
    # place
    ("key", np.uint64),  # of this body: its constants, and the rng keys of all its episodes
    ("rng_key", np.uint64),  # key of every random number of this episode
    ("tick", np.int32),
    ("episode", np.int32),
    ("context", np.int64),  # number of this lifetime's context; see `envs.trip.contexts`
    ("looks", np.uint64),  # that context: which looks are worse; 0 below level 5
    ("layout", np.int32),  # row of the layout bank
    ("bank", np.int16),  # which bank, by level, shift and split; 0 before the first reset
    ("x", np.int16),  # in padded coordinates
    ("y", np.int16),
    ("heading", np.int8),  # 0 east, 1 south, 2 west, 3 north, as in MiniGrid
    ("progress", np.float32),  # 0 at this cell's centre, 1 at the next one's
    # posture and balance
    ("posture", np.int8),
    ("ticks_to_rise", np.int16),
    ("clumsy_ticks", np.int16),
    ("lean_forward", np.float32),  # extrapolated centre of mass, m from the support centre
    ("lean_right", np.float32),
    ("lean_forward_before", np.float32),
    ("lean_right_before", np.float32),
    ("stumble_ticks", np.int16),
    # the contact that began the present or last stumble
    ("contact_cause", np.int8),
    ("contact_phase", np.float32),
    ("contact_speed", np.float32),
    ("contact_severity", np.float32),
    ("contact_color", np.int8),
    ("contact_x", np.int16),
    ("contact_y", np.int16),
    # gait
    ("speed", np.float32),
    ("phase", np.float32),
    ("stance_foot", np.int8),  # 0 left, 1 right; the other one swings
    ("foot_height", np.int8),  # 0 ordinary, 1 careful, 2 high
    ("last_turn", np.int8),
    ("last_action", np.int8),
    ("effort", np.float32),
    # shoes and hands
    ("lace", np.float32, (2,)),
    ("tying_ticks", np.int16),
    ("held_object", np.int8),  # 0 is an empty hand
    ("held_color", np.int8),
    ("held_slot", np.int8),  # its row among the objects, or -1
    ("held_mass", np.float32),
    ("rail_in_hand", np.int8),
    ("cup", np.float32),  # fluid level
    # condition
    ("fatigue", np.float32),
    ("pain", np.float32, (5,)),
    ("bruise", np.float32, (5,)),
    ("energy", np.float32),
    ("water", np.float32),
    ("warmth", np.float32),
    ("dignity", np.float32),
    ("arousal", np.float32),
    # this body's own constants, hidden from it
    ("leg", np.float32),
    ("strength", np.float32),
    ("clearance", np.float32),
    ("shoe_grip", np.float32),
    ("reflex_delay", np.int8),
    ("pain_gain", np.float32),
    ("sensor_noise", np.float32),
    ("hot_speed", np.float32),
    ("mid_swing", np.float32),
    # felt in this tick only
    ("touch", np.float32, (8,)),
    ("seen_by", np.float32),
    ("laughter", np.float32),
    ("being_helped", np.float32),
    ("stretch", np.int8, (2,)),  # object and color of the hazard that it is walking over
    ("stretch_cells", np.int16),  # entered one after the other, without a fall
    ("heard", np.int8, (5,)),  # see `vocabulary.heard_words`
    ("words", np.int8),  # 0 what persons say is in trained phrasings, 1 in held-out ones
    ("quiet_ticks", np.int16),  # until somebody may speak again
    # mission
    ("mission", np.int8, (5,)),
    ("succeeded", np.int8),
    ("failed", np.int8),
    ("time_limit", np.int32),
    ("drive", np.float32),
    # kept score
    ("cells_walked", np.int32),
    ("way", np.int16),  # look of the first short way that it went into, + 1; 0 is none yet
    ("stumbles", np.int32),
    ("slips", np.int32),
    ("recoveries", np.int32),
    ("falls", np.int32),
    ("times_seen_falling", np.int32),
    ("pain_suffered", np.float32),
]
BODY = np.dtype(BODY_FIELDS, align=True)

# A person or a movable object; one that is held has x = 0.
OBJECT = np.dtype(
    [
        ("kind", np.uint8),
        ("color", np.uint8),
        ("state", np.uint8),
        ("heading", np.uint8),
        ("x", np.int16),
        ("y", np.int16),
        ("mass", np.float32),
        ("kindness", np.float32),  # of a person: chance to help
        ("mockery", np.float32),  # of a person: chance to laugh
        ("react_ticks", np.int16),
        ("spoken", np.int16),  # how often it has
        ("said", np.int8, (5,)),  # the last time; see `vocabulary.heard_words`
        ("said_at", np.int64),  # tick; of eight bytes, so that a record is some times that
    ],
    align=True,
)

# What the world says happened in a tick; `seen_by` has one bit per object slot.
EVENT_FIELDS = [
    ("row", np.int32),
    ("episode", np.int32),
    ("tick", np.int32),
    ("kind", np.int8),
    ("cause", np.int8),
    ("x", np.int16),
    ("y", np.int16),
    ("severity", np.float32),
    ("seen_by", np.uint8),
]
EVENT = np.dtype(EVENT_FIELDS, align=True)
EVENTS_PER_TICK = 8  # the most there can be: a load handed over in a fall, on laces just undone

# The unchanging part of a world. `cells` packs what is seen: object, color << 8, state << 16.
LAYOUT_FIELDS = [
    ("cells", np.uint32, (SPAN, SPAN)),
    ("friction", np.float32, (SPAN, SPAN)),
    ("height", np.float32, (SPAN, SPAN)),  # of what can be tripped on, m
    ("objects", OBJECT, (OBJECTS,)),
    ("ways", np.int16, (3,)),  # looks of the short ways of level 5; see `envs.trip.contexts`
    ("start_x", np.int16),
    ("start_y", np.int16),
    ("start_heading", np.int8),
    ("mission", np.int8, (5,)),
    ("held_slot", np.int8),
    ("time_limit", np.int32),
]
LAYOUT = np.dtype(LAYOUT_FIELDS, align=True)
