"""One tick of one body, from motor command to what hurts: `step_body`, top to bottom.

Plain scalar Python that Numba compiles; with NUMBA_DISABLE_JIT=1 it runs in a debugger. A body is
one record of `state.BODY`, `c` the record of constants, and everything is changed in place.

Balance is a linear inverted pendulum of which only the extrapolated centre of mass matters (Hof,
Gazendam and Sinke 2005, doi:10.1016/j.jbiomech.2004.03.025; Hof 2008,
doi:10.1016/j.humov.2007.08.003). That a caught foot is lifted over early in its swing and lowered
late in it is how people recover from a trip (Forner Cordero, Koopman and van der Helm 2003,
doi:10.1016/S0966-6362(02)00159-2).
"""

import math

import numpy as np

from envs.engine.body_senses import Posture
from envs.engine.compiled import compiled
from envs.engine.random import bell, between, uniform
from envs.engine.view import HEADINGS
from envs.trip.contexts import NOTHING, WAYS, is_worse, look_of, object_of, said_by
from envs.trip.state import EVENTS_PER_TICK, OBJECTS, SPAN
from envs.trip.vocabulary import (
    ALL_PHRASINGS,
    BLOCKS_THE_WAY,
    CAN_BE_CARRIED,
    HEARD_TOKENS,
    LONG_STRETCH,
    TRAINED_PHRASINGS,
    Action,
    BodyPart,
    Cause,
    EventKind,
    Mission,
    Object,
    PersonState,
)

# ---- Names that compiled code reads as numbers ----

LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE = 0, 1, 2, 3, 4, 5
DONE, RUN, STEP_HIGH, BRACE, GRAB = 6, 7, 8, 9, 10
TIE_LACE, RISE, CAREFUL = 11, 12, 13
STAND, CROUCH, STUMBLE, DOWN, RISING = (int(posture) for posture in Posture)
FEET, KNEES, HANDS, HIPS, HEAD = (int(part) for part in BodyPart)
ORDINARY_STEP, CAREFUL_STEP, HIGH_STEP = 0, 1, 2
assert (LEFT, CAREFUL) == (Action.LEFT, Action.CAREFUL)

CABLE, RUG_EDGE, KERB = int(Object.CABLE), int(Object.RUG_EDGE), int(Object.KERB)
ICE, WET, GRAVEL = int(Object.ICE), int(Object.WET), int(Object.GRAVEL)
RAIL, WALL, TABLE, PERSON = (
    int(Object.RAIL),
    int(Object.WALL),
    int(Object.TABLE),
    int(Object.PERSON),
)
CUP, EMPTY = int(Object.CUP), int(Object.EMPTY)

# What is compiled is kept until this file changes: numbers of another file would be forgotten.
TRAINED, ALL = 48, 56
assert (TRAINED, ALL) == (TRAINED_PHRASINGS, ALL_PHRASINGS)

# Random channels: one for each random draw within a tick.
(
    CHANNEL_CLEARANCE,
    CHANNEL_SIDE,
    CHANNEL_LACE_LOOSENS,
    CHANNEL_LACE_STEP,
    CHANNEL_GRAVEL,
    CHANNEL_PERSON,
    CHANNEL_NOISE,
    CHANNEL_ROLL,
    CHANNEL_CELL,
    CHANNEL_WORSE,
    CHANNEL_TALK,
    CHANNEL_PHRASING,
) = range(0, 120, 10)

_EAST = np.array([dx for dx, _ in HEADINGS], np.int16)
_SOUTH = np.array([dy for _, dy in HEADINGS], np.int16)
# What other worlds add to these objects, beyond the last of them, nobody walks through.
_BLOCKS = np.uint64(sum(1 << obj for obj in (*BLOCKS_THE_WAY, *range(max(Object) + 1, 32))))
_CARRIED = np.uint64(sum(1 << obj for obj in CAN_BE_CARRIED))
_HOLDABLE = np.uint64((1 << RAIL) | (1 << WALL) | (1 << TABLE))

# Share of a fall's impact by body part, for each way of falling: (feet, knees, hands, hips, head).
_FORWARD_ON_HANDS = np.array([0.0, 0.25, 0.60, 0.10, 0.05])
_FORWARD_UNPROTECTED = np.array([0.05, 0.40, 0.25, 0.10, 0.20])
_BACKWARD = np.array([0.0, 0.0, 0.25, 0.60, 0.15])
_SIDEWAYS = np.array([0.0, 0.15, 0.30, 0.50, 0.05])


@compiled
def _clip(value, low, high):
    return min(max(value, low), high)


@compiled
def _is_in(objects_set, object):
    return (objects_set >> np.uint64(object)) & np.uint64(1) != np.uint64(0)


# ---- What stands where ----


@compiled
def slot_at(objects, x, y):
    """Return the slot of the person or movable object at a cell, or -1."""
    found = -1
    for slot in range(OBJECTS - 1, -1, -1):  # without a jump, which would be guessed wrong
        obj = objects[slot]
        if (obj.x == x) & (obj.y == y) & (obj.kind != 0):
            found = slot
    return found


@compiled
def object_at(layout, objects, x, y):
    """Return what stands or lies at a cell; the movable object where there are two."""
    slot = slot_at(objects, x, y)
    if slot >= 0:
        return np.int64(objects[slot].kind)
    return np.int64(layout.cells[y, x] & np.uint32(0xFF))


@compiled
def front_of(body):
    """Return the cell that a body faces."""
    return body.x + _EAST[body.heading], body.y + _SOUTH[body.heading]


@compiled
def within_reach(body, layout, objects, turn):
    """Return whether a rail, wall or table stands `turn` quarters to the right of the heading."""
    side = (body.heading + turn) % 4
    return _is_in(
        _HOLDABLE, object_at(layout, objects, body.x + _EAST[side], body.y + _SOUTH[side])
    )


@compiled
def cause_of(object):
    """Return the `Cause` that an object is when it is run into, tripped on or slipped on."""
    if object == CABLE:
        return Cause.CABLE.value
    if object == RUG_EDGE:
        return Cause.RUG_EDGE.value
    if object == KERB:
        return Cause.KERB.value
    if object == ICE:
        return Cause.ICE.value
    if object == WET:
        return Cause.WET.value
    if object == GRAVEL:
        return Cause.GRAVEL.value
    if object == WALL:
        return Cause.WALL.value
    if object == PERSON:
        return Cause.PERSON.value
    if object == EMPTY:
        return Cause.FLOOR.value
    return Cause.FURNITURE.value


@compiled
def add_event(body, events, count, kind, cause, severity, seen_by):
    """Write an event at the body's place and return how many this tick now has."""
    if count < EVENTS_PER_TICK:
        event = events[count]
        event.episode = body.episode
        event.tick = body.tick
        event.kind = kind
        event.cause = cause
        event.x = body.x
        event.y = body.y
        event.severity = severity
        event.seen_by = seen_by
        count += 1
    return count


# ---- 1. Speed ----


@compiled
def _target_speed(body, action, c):
    if action == FORWARD:
        speed = c.walk_mps
    elif action == RUN:
        speed = c.run_mps
    elif action == STEP_HIGH:
        speed = c.high_mps
    elif action == CAREFUL:
        speed = c.careful_mps
    else:
        return 0.0
    tired = 1.0 - c.fatigue_slows * body.fatigue
    return speed * tired * max(0.0, 1.0 - c.load_slows_per_kg * body.held_mass)


@compiled
def _change_speed(body, action, c):
    change = _target_speed(body, action, c) - body.speed
    body.speed += _clip(change, -c.slow_down_mps, c.speed_up_mps)
    body.foot_height = ORDINARY_STEP
    if action == STEP_HIGH:
        body.foot_height = HIGH_STEP
    elif action == CAREFUL:
        body.foot_height = CAREFUL_STEP


@compiled
def _turn(body, action, c):
    body.last_turn = 0
    if (action == LEFT or action == RIGHT) and body.speed < c.turn_below_mps:
        body.last_turn = -1 if action == LEFT else 1
        body.heading = (body.heading + body.last_turn) % 4
        body.progress = 0.0


# ---- 2. Gait: the phase of the swinging foot, and what a foot strike does to laces and soles ----


@compiled
def _advance_gait(body, c):
    """Return whether a foot struck the ground in this tick."""
    if body.speed <= 0.1:
        return False
    body.phase += (c.cadence + c.cadence_per_speed * body.speed / body.leg) * c.tick_s
    if body.phase < 1.0:
        return False
    body.phase -= 1.0
    body.stance_foot = 1 - body.stance_foot
    return True


@compiled
def _loosen_laces(body, events, count, c):
    for foot in range(2):
        was_tied = body.lace[foot] >= c.lace_untied_below
        body.lace[foot] = max(
            0.0,
            body.lace[foot]
            - between(
                body.rng_key,
                body.tick,
                CHANNEL_LACE_LOOSENS + foot,
                c.lace_loosens_least,
                c.lace_loosens_most,
            ),
        )
        if was_tied and body.lace[foot] < c.lace_untied_below:
            count = add_event(body, events, count, EventKind.LACE_UNTIED.value, 0, 0.0, 0)
    return count


# ---- 3. Contacts: what a step can go wrong on ----

AS_IT_LOOKS, BETTER, WORSE = 0, 1, 2


@compiled
def feel_of(body, cell, x, y, c):
    """Return how the ground at (x, y), which shows `cell`, feels to this body in its lifetime."""
    if body.looks == np.uint64(0):
        return AS_IT_LOOKS
    look = look_of(
        np.int64(cell & np.uint32(0xFF)), np.int64((cell >> np.uint32(8)) & np.uint32(0xFF))
    )
    if look < 0 or uniform(body.rng_key, y * SPAN + x, CHANNEL_CELL) >= c.valid:
        return AS_IT_LOOKS
    return WORSE if is_worse(body.looks, look) else BETTER


@compiled
def _upset(body, cause, color, phase, severity, lean_forward, c):
    """Push the centre of mass, a little sideways as well, and remember why."""
    body.lean_forward += lean_forward
    side = c.side_lean + c.side_lean_per_speed * body.speed
    body.lean_right += side * between(body.rng_key, body.tick, CHANNEL_SIDE, -1.0, 1.0)
    body.contact_cause = cause
    body.contact_color = color
    body.phase = body.contact_phase = phase
    body.contact_speed = body.speed
    body.contact_severity = severity
    body.contact_x = body.x
    body.contact_y = body.y


@compiled
def foot_clearance_m(body, c):
    """Return how high the swinging foot is at this phase, before noise, in metres."""
    lift = 1.0
    if body.foot_height == HIGH_STEP:
        lift = c.high_lift
    elif body.foot_height == CAREFUL_STEP:
        lift = c.careful_lift
    if body.clumsy_ticks > 0:
        lift *= c.clumsy_lift
    tired = 1.0 - c.fatigue_drags * body.fatigue
    loaded = max(0.2, 1.0 - c.load_drags_per_kg * body.held_mass)
    return body.clearance * lift * tired * loaded * math.sin(math.pi * body.phase)


@compiled
def _trip_on_edge(body, layout, x, y, c):
    """The foot meets whatever has a height at the edge of cell (x, y)."""
    height, cell = layout.height[y, x], layout.cells[y, x]
    if height <= 0.0:
        return
    feel = feel_of(body, cell, x, y, c)
    if feel == BETTER:
        height *= c.better_height
    elif feel == WORSE:
        height = c.worse_height_m
    noise = c.clearance_noise_m * bell(body.rng_key, body.tick, CHANNEL_CLEARANCE)
    clearance = foot_clearance_m(body, c) + noise
    if clearance >= height:
        return
    severity = min(1.0, (height - clearance) / height)
    lean = c.trip_lean + c.trip_lean_per_speed * body.speed * severity
    lean *= c.worse_trip_lean if feel == WORSE else 1.0
    cause = cause_of(np.int64(cell & np.uint32(0xFF)))
    _upset(body, cause, (cell >> np.uint32(8)) & np.uint32(0xFF), body.phase, severity, lean, c)
    body.touch[1 - body.stance_foot] = 0.5 + 0.5 * severity


@compiled
def _slip_at_strike(body, layout, events, count, action, c):
    """The sole that has just struck the ground holds or shoots forward."""
    cell = layout.cells[body.y, body.x]
    surface = np.int64(cell & np.uint32(0xFF))
    friction = layout.friction[body.y, body.x] * body.shoe_grip
    if surface == GRAVEL:
        friction *= between(body.rng_key, body.tick, CHANNEL_GRAVEL, 0.7, 1.3)
    worse = 1.0
    if layout.height[body.y, body.x] == 0.0:
        feel = feel_of(body, cell, body.x, body.y, c)
        if feel == BETTER:
            friction *= c.better_friction
        elif feel == WORSE:
            slips = uniform(body.rng_key, body.tick, CHANNEL_WORSE) < c.worse_slips
            friction *= c.worse_friction if slips else c.better_friction
            worse = c.worse_slip_lean
    needed = c.friction_needed + c.friction_needed_per_speed2 * body.speed * body.speed
    if body.held_object != 0:
        needed += c.friction_needed_with_load
    if friction >= needed or action == BRACE or body.rail_in_hand:
        return count
    severity = min(1.0, (needed - friction) / needed)
    lean = -(c.slip_lean + c.slip_lean_per_speed * body.speed) * worse
    if surface == GRAVEL:
        lean = 0.0
        roll = (c.roll_lean + c.roll_lean_per_speed * body.speed) * worse
        to_the_left = uniform(body.rng_key, body.tick, CHANNEL_ROLL) < 0.5
        body.lean_right += -roll if to_the_left else roll
    color = (cell >> np.uint32(8)) & np.uint32(0xFF)
    _upset(body, cause_of(surface), color, body.phase, severity, lean, c)
    body.touch[2 + body.stance_foot] = 0.5 + 0.5 * severity
    body.slips += 1
    kind = EventKind.SLIP.value
    return add_event(body, events, count, kind, body.contact_cause, severity, 0)


@compiled
def _step_on_lace(body, events, count, c):
    """A loose lace of the swinging foot gets under the other shoe, always late in the swing."""
    swing = 1 - body.stance_foot
    if body.lace[swing] >= c.lace_untied_below:
        return count
    chance = c.lace_stepped_on_per_speed * body.speed
    if uniform(body.rng_key, body.tick, CHANNEL_LACE_STEP) >= chance:
        return count
    lean = c.lace_lean + c.lace_lean_per_speed * body.speed
    _upset(body, Cause.OWN_LACE.value, 0, c.lace_contact_phase, 0.5, lean, c)
    body.touch[4 + swing] = 1.0
    kind = EventKind.LACE_STEPPED_ON.value
    return add_event(body, events, count, kind, Cause.OWN_LACE.value, 0.5, 0)


@compiled
def _advance(body, layout, objects, events, count, c):
    """Move on by one tick: be blocked, cross an edge, or arrive in the next cell."""
    before = body.progress
    if body.speed == 0.0 and before < 1.0:  # rounded to four bytes it can be 1
        return count
    after = before + body.speed * c.tick_s / c.cell_m
    x, y = front_of(body)
    obj = object_at(layout, objects, x, y)
    if _is_in(_BLOCKS, obj):
        if after > c.blocked_at:
            if body.speed > c.bump_above_mps:
                body.touch[6] = 1.0
                body.lean_forward += c.bump_lean
                body.pain[FEET] = min(1.0, body.pain[FEET] + c.bump_pain)
                kind = EventKind.BUMP.value
                count = add_event(body, events, count, kind, cause_of(obj), body.speed, 0)
            after = max(before, min(after, c.blocked_at))
            body.speed = 0.0
    elif before < 0.5 <= after and body.posture == STAND:
        _trip_on_edge(body, layout, x, y, c)
    body.progress = after
    if after >= 1.0:
        body.progress = after - 1.0
        body.x, body.y = x, y
        body.cells_walked += 1
        count = _cross(body, layout, events, count)
    return count


@compiled
def _cross(body, layout, events, count):
    """Count the cells of a hazard that are walked over; behind a long stretch it is crossed."""
    cell = layout.cells[body.y, body.x]
    obj = np.int64(cell & np.uint32(0xFF))
    color = np.int64((cell >> np.uint32(8)) & np.uint32(0xFF))
    if look_of(obj, color) < 0:
        if body.stretch_cells >= LONG_STRETCH:
            kind, cause = EventKind.CROSSED.value, cause_of(np.int64(body.stretch[0]))
            count = add_event(body, events, count, kind, cause, 0.0, 0)
        body.stretch_cells = 0
        return count
    if body.way == 0:
        body.way = np.int16(look_of(obj, color) + 1)
    same = body.stretch[0] == obj and body.stretch[1] == color
    body.stretch_cells = body.stretch_cells + 1 if same else 1
    body.stretch[0], body.stretch[1] = obj, color
    return count


# ---- 4. Balance, stumble and reflex ----


@compiled
def _sway(lean, growth, forward_m, backward_m, c):
    """Return where the extrapolated centre of mass is a tick later, with the feet's own push."""
    push = _clip(c.ankle_gain * lean, -backward_m, forward_m)
    return push + (lean - push) * growth


@compiled
def _balance(body, action, c):
    body.lean_forward_before = body.lean_forward
    body.lean_right_before = body.lean_right
    frequency = math.sqrt(c.gravity / (c.leg_factor * body.leg))
    growth = math.exp(frequency * c.tick_s * (1.0 + c.load_tips_per_kg * body.held_mass))
    support = c.support_m + (c.rail_support_m if body.rail_in_hand else 0.0)
    back = c.support_back_share * support + (c.brace_support_m if action == BRACE else 0.0)
    body.lean_forward = _sway(body.lean_forward, growth, support, back, c)
    body.lean_right = _sway(body.lean_right, growth, support, support, c)


@compiled
def recovery_step_m(body, c):
    """Return how far this body can throw a foot out to catch itself, in metres."""
    sore = 1.0 - c.sore_knee_weakens * body.pain[KNEES]
    loaded = max(0.2, 1.0 - c.load_shortens_per_kg * body.held_mass)
    tired = 1.0 - c.fatigue_shortens * body.fatigue
    return c.step_leg * body.leg * body.strength * sore * tired * loaded


@compiled
def reflex_works(body, layout, objects, action, c):
    """Return how well a motor command works as a reflex in this stumble: about 1, or about 0."""
    forward = body.lean_forward > 0.0
    hot = body.contact_speed > body.hot_speed
    cooled = c.hot_share if hot else 1.0
    own_lace = body.contact_cause == Cause.OWN_LACE.value
    if action == STEP_HIGH:
        early = body.contact_phase < body.mid_swing
        return c.works * cooled if forward and early and not own_lace else c.fails
    if action == DONE:
        late = body.contact_phase >= body.mid_swing
        return c.works * cooled if forward and late else c.fails
    if action == RUN:
        return c.works if forward and hot else c.fails
    if action == BRACE:
        return c.brace_works if not forward else c.fails
    if action == GRAB:
        sides = within_reach(body, layout, objects, 1) or within_reach(body, layout, objects, 3)
        return c.grab_works if sides or within_reach(body, layout, objects, 0) else c.fails
    return 0.0


@compiled
def _towards_zero(value, amount):
    return math.copysign(max(0.0, abs(value) - amount), value)


@compiled
def _reflex(body, layout, objects, action, c):
    """Let this tick's command act as a reflex, once the body's own delay is over."""
    body.stumble_ticks += 1
    if body.stumble_ticks <= body.reflex_delay:
        return
    step = recovery_step_m(body, c)
    if action == LEFT or action == RIGHT:
        side = -1.0 if action == LEFT else 1.0
        if side * body.lean_right > 0.0:
            body.lean_right = _towards_zero(body.lean_right, c.side_step * step)
        else:
            body.lean_right -= side * c.fails * step
        return
    catch = reflex_works(body, layout, objects, action, c) * step
    body.lean_forward = _towards_zero(body.lean_forward, catch)
    if action == GRAB:
        body.lean_right = _towards_zero(body.lean_right, catch)


@compiled
def _fall_or_recover(body, objects, events, count, action, c):
    unsteady = max(abs(body.lean_forward), abs(body.lean_right))
    if max(abs(body.lean_forward), abs(body.lean_right) / c.fall_side_share) > (
        c.fall_at_leg * body.leg
    ):
        return _fall(body, objects, events, count, action, c)
    if body.posture == STUMBLE:
        if unsteady < c.recovered_at_m:
            body.posture = STAND
            body.speed *= c.recovered_keeps_speed
            body.recoveries += 1
            kind, cause = EventKind.RECOVERY.value, body.contact_cause
            count = add_event(body, events, count, kind, cause, body.contact_severity, 0)
    elif unsteady > c.stumble_at_m:
        body.posture = STUMBLE
        body.stumble_ticks = 0
        body.stumbles += 1
        body.arousal = min(1.0, body.arousal + 0.5)
        kind, cause = EventKind.STUMBLE.value, body.contact_cause
        count = add_event(body, events, count, kind, cause, body.contact_severity, 0)
    return count


# ---- 5. Fall, and what it does to body, hands and dignity ----


@compiled
def _fall(body, objects, events, count, action, c):
    braced = action == BRACE
    impact = c.impact + c.impact_per_speed2 * body.speed**2 + c.impact_per_kg * body.held_mass
    impact *= c.braced_share if braced else 1.0
    _hurt(body, impact, braced or action == GRAB, c)
    spilled = body.cup if body.held_object == CUP else 0.0
    if body.held_object != 0:
        _let_go(body, objects, body.x, body.y, True)
    seen_by = _others_see_the_fall(body, objects, c)
    kind = EventKind.FALL.value
    count = add_event(body, events, count, kind, body.contact_cause, min(1.0, impact), seen_by)
    if seen_by:
        count = add_event(body, events, count, EventKind.SEEN.value, 0, 0.0, seen_by)
        body.times_seen_falling += 1
    if spilled > 0.0:
        count = add_event(body, events, count, EventKind.SPILL.value, 0, spilled, 0)
    body.posture = DOWN
    body.stretch_cells = 0
    body.ticks_to_rise = np.int16(c.rise_ticks + c.rise_ticks_per_impact * impact)
    body.falls += 1
    body.arousal = 1.0
    body.speed = body.effort = 0.0
    body.lean_forward = body.lean_right = 0.0
    body.rail_in_hand = 0
    return count


@compiled
def _hurt(body, impact, protected, c):
    if abs(body.lean_right) > abs(body.lean_forward):
        shares = _SIDEWAYS
    elif body.lean_forward < 0.0:
        shares = _BACKWARD
    elif protected:
        shares = _FORWARD_ON_HANDS
    else:
        shares = _FORWARD_UNPROTECTED
    for part in range(5):
        pain = impact * shares[part] * body.pain_gain
        body.pain[part] = min(1.0, body.pain[part] + pain)
        body.bruise[part] = min(1.0, body.bruise[part] + c.bruise_share * pain)
        body.pain_suffered += pain


@compiled
def _others_see_the_fall(body, objects, c):
    """Return a bit for each person who saw it; each helps, laughs or looks away."""
    seen_by = 0
    for slot in range(OBJECTS):
        person = objects[slot]
        if person.kind != PERSON or not sees(person, body.x, body.y, c):
            continue
        seen_by |= 1 << slot
        chance = uniform(body.rng_key, body.tick, CHANNEL_PERSON + slot)
        if chance < person.kindness:
            person.state = PersonState.HELPING.value
            person.react_ticks = np.int16(c.help_ticks)
        elif chance < person.kindness + person.mockery:
            person.state = PersonState.LAUGHING.value
            person.react_ticks = np.int16(c.laugh_ticks)
            body.dignity -= c.dignity_lost_per_laugh
        body.dignity -= c.dignity_lost_per_seer
    body.dignity = max(0.0, body.dignity)
    return seen_by


@compiled
def sees(person, x, y, c):
    """Return whether (x, y) lies in a person's view: a quarter circle ahead, `sight_cells` far."""
    east, south = x - person.x, y - person.y
    ahead = east * _EAST[person.heading] + south * _SOUTH[person.heading]
    aside = abs(east * _SOUTH[person.heading] - south * _EAST[person.heading])
    return 0 < ahead <= c.sight_cells and aside <= ahead


@compiled
def _get_up(body, objects, action, c):
    body.speed = 0.0
    body.last_turn = 0
    body.lean_forward_before, body.lean_right_before = body.lean_forward, body.lean_right
    if action == RISE:
        body.posture = RISING
        body.ticks_to_rise -= 2 if body.being_helped else 1
        if body.ticks_to_rise <= 0:
            body.posture = STAND
            body.clumsy_ticks = np.int16(c.clumsy_ticks)
    else:
        body.posture = DOWN


# ---- 6. Hands ----


@compiled
def _pick_up(body, objects, events, count):
    x, y = front_of(body)
    slot = slot_at(objects, x, y)
    if body.held_object != 0 or slot < 0 or body.speed > 0.5:
        return count
    obj = objects[slot]
    if not _is_in(_CARRIED, obj.kind):
        return count
    body.held_object, body.held_color, body.held_slot = obj.kind, obj.color, slot
    body.held_mass = obj.mass
    obj.x = obj.y = 0
    return add_event(body, events, count, EventKind.PICKED_UP.value, 0, 0.0, 0)


@compiled
def _put_down(body, layout, objects, events, count):
    """Put what is held into the cell in front: the floor, a table, or a person's hands."""
    if body.held_object == 0:
        return count
    x, y = front_of(body)
    obj = object_at(layout, objects, x, y)
    onto_floor = obj == EMPTY
    if not onto_floor and obj != TABLE and obj != PERSON:
        return count
    count = add_event(body, events, count, EventKind.PUT_DOWN.value, 0, 0.0, 0)
    _mark_delivery(body, layout, objects, obj, x, y)
    if onto_floor:
        _let_go(body, objects, x, y, False)
    else:
        _let_go(body, objects, 0, 0, False)
    return count


@compiled
def _mark_delivery(body, layout, objects, place, x, y):
    """Succeed if this was the object and the place that the mission named."""
    kind = body.mission[0]
    if kind != Mission.CARRY_CUP.value and kind != Mission.DELIVER.value:
        return
    slot = slot_at(objects, x, y)
    color = (
        objects[slot].color if slot >= 0 else (layout.cells[y, x] >> np.uint32(8)) & np.uint32(255)
    )
    right_object = body.held_object == body.mission[1] and body.held_color == body.mission[2]
    if right_object and place == body.mission[3] and color == body.mission[4]:
        body.succeeded = 1


@compiled
def _let_go(body, objects, x, y, spills):
    """Empty the hands; (0, 0) is a place where the object is out of the way for good."""
    if body.held_slot >= 0:
        objects[body.held_slot].x = x
        objects[body.held_slot].y = y
    if spills and body.held_object == CUP:
        body.cup = 0.0
    body.held_object, body.held_color, body.held_slot, body.held_mass = 0, 0, -1, 0.0


@compiled
def _tie_lace(body, events, count, c):
    if body.held_object != 0 or body.speed > 0.2:
        return count
    body.posture = CROUCH
    body.tying_ticks += 1
    if body.tying_ticks < c.tie_ticks:
        return count
    body.tying_ticks = 0
    foot = 0 if body.lace[0] <= body.lace[1] else 1
    body.lace[foot] = 1.0
    return add_event(body, events, count, EventKind.LACE_TIED.value, 0, 0.0, 0)


@compiled
def _use_hands(body, layout, objects, events, count, action, c):
    if action == PICKUP:
        count = _pick_up(body, objects, events, count)
    elif action == DROP:
        count = _put_down(body, layout, objects, events, count)
    elif action == TIE_LACE:
        return _tie_lace(body, events, count, c)
    if action != DONE:  # a pause loses nothing, walking off does
        body.tying_ticks = 0
    body.posture = CROUCH if action == BRACE else STAND
    return count


@compiled
def _hold_rail(body, layout, objects, action):
    """A hand stays on the rail while one walks on beside it, and lets go on any other command."""
    walks_on = action == FORWARD or action == CAREFUL or action == STEP_HIGH
    if action == GRAB or (walks_on and body.rail_in_hand):
        beside = within_reach(body, layout, objects, 1) or within_reach(body, layout, objects, 3)
        ahead = action == GRAB and within_reach(body, layout, objects, 0)
        body.rail_in_hand = beside or ahead
    else:
        body.rail_in_hand = 0


# ---- 7. Condition, others, mission ----


@compiled
def _update_condition(body, events, count, c):
    for part in range(5):
        body.pain[part] *= 1.0 - c.pain_fades
        body.bruise[part] *= 1.0 - c.bruise_fades
    tiring = c.tiring_per_speed * body.speed * (1.0 + c.tiring_per_kg * body.held_mass)
    body.fatigue = _clip(body.fatigue + tiring - c.resting, 0.0, 1.0)
    body.effort = body.speed * (1.0 + c.tiring_per_kg * body.held_mass) / c.run_mps
    body.energy = max(0.0, body.energy - c.energy_use - c.energy_use_per_speed * body.speed)
    body.water = max(0.0, body.water - c.water_use)
    body.warmth = max(0.0, body.warmth - c.warmth_use)
    body.dignity = min(1.0, body.dignity + c.dignity_returns)
    body.arousal = max(0.0, body.arousal * (1.0 - c.arousal_fades))
    if body.clumsy_ticks > 0:
        body.clumsy_ticks -= 1
    if body.held_object == CUP:
        swing = max(abs(body.lean_forward), abs(body.lean_right))
        lost = c.spill_per_m * max(0.0, swing - c.spill_above_m)
        if lost > 0.0 and body.cup > 0.0:
            body.cup = max(0.0, body.cup - lost)
            count = add_event(body, events, count, EventKind.SPILL.value, 0, lost, 0)
    return count


@compiled
def feel_laces(body):
    """A loose lace flaps: up to 0.5 where it is not being stepped on."""
    for foot in range(2):
        if body.touch[4 + foot] == 0.0:
            body.touch[4 + foot] = 0.5 * (1.0 - body.lace[foot])


@compiled
def notice_others(body, objects, c):
    """Feel who is looking, who laughs and who helps; their reactions run out."""
    looking, laughter, helped = 0.0, 0.0, 0.0
    for slot in range(OBJECTS):
        person = objects[slot]
        if person.kind != PERSON:
            continue
        if sees(person, body.x, body.y, c):
            looking += 1.0
        if person.react_ticks > 0:
            person.react_ticks -= 1
            near = max(abs(person.x - body.x), abs(person.y - body.y)) <= c.hearing_cells
            if person.state == PersonState.LAUGHING.value and near:
                laughter = 1.0
            if person.state == PersonState.HELPING.value:
                helped = 1.0
            if person.react_ticks == 0:
                person.state = person.heading
    body.seen_by, body.laughter, body.being_helped = looking / 3.0, laughter, helped


@compiled
def speaks_up(body, person, action, volunteers, c):
    """Return whether a person is asked, or is near and has said less than it does by itself."""
    near = max(abs(person.x - body.x), abs(person.y - body.y)) <= c.hearing_cells
    x, y = front_of(body)
    is_asked = action == TOGGLE and person.x == x and person.y == y
    return is_asked or (near and person.spoken < volunteers)


@compiled
def say(body, person, verdict, object, color, trained, phrasings):
    """Let a body hear what a person says of an object, in one of so many phrasings.

    The first `trained` of these `phrasings` are for training, the others are held out.
    """
    body.heard[0], body.heard[1] = person.color + 1, verdict
    body.heard[2], body.heard[3] = object, color
    least = trained if body.words else 0
    most = phrasings if body.words else trained
    phrasing = uniform(body.rng_key, body.tick, CHANNEL_PHRASING)
    body.heard[4] = least + np.int64(phrasing * (most - least))
    for token in range(HEARD_TOKENS):
        person.said[token] = body.heard[token]
    person.said_at = body.tick


@compiled
def _listen(body, layout, objects, events, count, action, c):
    """Hear one person at most: one that is asked, or one that is near and has not spoken yet."""
    for token in range(HEARD_TOKENS):
        body.heard[token] = 0
    if body.looks == np.uint64(0) or count > 0:  # nobody speaks while something happens
        return count
    body.quiet_ticks = max(0, body.quiet_ticks - 1)
    for slot in range(OBJECTS):
        person = objects[slot]
        if person.kind != PERSON or body.quiet_ticks > 0:
            continue
        if speaks_up(body, person, action, 1, c):
            count = _speak(body, layout, person, events, count, c)
    return count


@compiled
def _speak(body, layout, person, events, count, c):
    """Have a person say how one of the ways of this room was for it, another one each time."""
    first = np.int64(WAYS * uniform(body.rng_key, 0, CHANNEL_TALK + person.color))
    for i in range(WAYS):
        look = np.int64(layout.ways[(first + person.spoken + i) % WAYS])
        verdict = said_by(body.looks, person.color, look)
        if verdict == NOTHING:
            continue
        obj, color = object_of(look)
        say(body, person, verdict, obj, color, TRAINED, ALL)
        count = add_event(body, events, count, EventKind.TOLD.value, 0, 0.0, 0)
        break
    person.spoken += 1
    body.quiet_ticks = np.int16(c.speaking_ticks)
    return count


@compiled
def _front_is(body, layout, objects, object, color):
    x, y = front_of(body)
    slot = slot_at(objects, x, y)
    if slot >= 0:
        return objects[slot].kind == object and objects[slot].color == color
    cell = layout.cells[y, x]
    return (cell & np.uint32(0xFF)) == object and (
        (cell >> np.uint32(8)) & np.uint32(0xFF)
    ) == color


@compiled
def _judge_mission(body, layout, objects, c):
    """Succeed or fail; deliveries have been marked where the hand let go."""
    kind = body.mission[0]
    if (
        kind == Mission.GO_TO.value
        or kind == Mission.CROSS_UNSEEN.value
        or kind == Mission.CHOOSE_WAY.value
        or kind == Mission.HURRY.value
    ):
        still = body.posture == STAND and body.speed < 0.5
        if still and _front_is(body, layout, objects, body.mission[1], body.mission[2]):
            body.succeeded = 1
        if kind == Mission.CROSS_UNSEEN.value and body.times_seen_falling > 0:
            body.failed = 1
    elif kind == Mission.CARRY_CUP.value:
        if body.cup < c.spilled_below:
            body.succeeded, body.failed = 0, 1
    elif kind == Mission.TIE_THEN_FETCH.value:
        tied = min(body.lace[0], body.lace[1]) >= c.lace_untied_below
        fetched = body.held_object == body.mission[1] and body.held_color == body.mission[2]
        if tied and fetched:
            body.succeeded = 1


@compiled
def drive_of(body, c):
    """Return the homeostatic drive: distance of the needs from full, fourth powers under a root.

    Keramati and Gutkin (2014), doi:10.7554/eLife.04811, with n = 4 and m = 2.
    """
    pain = 0.0
    for part in range(5):
        pain += body.pain[part] + 0.5 * body.bruise[part]
    pain = min(1.0, pain)
    hunger, thirst, cold = 1.0 - body.energy, 1.0 - body.water, 1.0 - body.warmth
    shame = 1.0 - body.dignity
    return math.sqrt(
        c.pain_weight * (pain * pain) ** 2
        + c.energy_weight * (hunger * hunger) ** 2
        + c.water_weight * (thirst * thirst) ** 2
        + c.warmth_weight * (cold * cold) ** 2
        + c.dignity_weight * (shame * shame) ** 2
    )


# ---- One tick ----


@compiled
def step_body(body, objects, layout, events, action, c):
    """Let one body live one tick.

    Args:
        body: Record of `state.BODY`, changed in place.
        objects: (6,) records of `state.OBJECT`, changed in place.
        layout: Record of `state.LAYOUT`, only read.
        events: (4,) records of `state.EVENT`, overwritten from the front.
        action: Motor command, 0 to 13.
        c: The constants.

    Returns:
        How many events happened.
    """
    count = 0
    body.tick += 1
    for i in range(8):
        body.touch[i] = 0.0
    if body.posture == DOWN or body.posture == RISING:
        _get_up(body, objects, action, c)
    else:
        struck = False
        if body.posture == STUMBLE:  # the caught foot hangs where it was, and momentum carries on
            body.last_turn = 0
            if action == DROP:
                count = _put_down(body, layout, objects, events, count)
        else:
            count = _use_hands(body, layout, objects, events, count, action, c)
            _hold_rail(body, layout, objects, action)
            _turn(body, action, c)
            _change_speed(body, action, c)
            struck = _advance_gait(body, c)
        count = _advance(body, layout, objects, events, count, c)
        if struck:
            count = _loosen_laces(body, events, count, c)
            if body.posture == STAND:
                count = _slip_at_strike(body, layout, events, count, action, c)
                count = _step_on_lace(body, events, count, c)
        _balance(body, action, c)
        if body.posture == STUMBLE:
            _reflex(body, layout, objects, action, c)
        count = _fall_or_recover(body, objects, events, count, action, c)
        body.touch[7] = body.rail_in_hand
    count = _update_condition(body, events, count, c)
    notice_others(body, objects, c)
    count = _listen(body, layout, objects, events, count, action, c)
    feel_laces(body)
    body.last_action = action
    _judge_mission(body, layout, objects, c)
    if body.succeeded:
        count = add_event(body, events, count, EventKind.ARRIVAL.value, 0, 0.0, 0)
    return count
