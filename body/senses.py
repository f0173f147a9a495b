"""From observation to Percept: what is seen and felt, remembered, and noticed as an event.

An event is noticed in the senses alone, by comparing a tick with the one before: the body is never
told that it stumbled, it feels its posture change. Compare `envs.trip.vocabulary.EventKind`, which
is what the world says happened.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from body.ablation import Ablation
from body.columns import LACES, POSTURES, SOLES, TOES, index
from body.ego_map import EMPTY, EYE_COLUMN, EYE_ROW, HAZARD, STEPS, UNSEEN, EgoMap
from body.types import NoticedEvent, PerceptBatch, WorldSpec
from envs.engine.body_senses import COMMON, Posture
from envs.engine.compiled import compiled_apart

# Columns of the senses.
_SPEED, _LAST_TURN = index("proprio", "speed_mps"), index("proprio", "last_turn")
_POSTURE, _POSTURES = POSTURES.start, POSTURES.stop
_TOES, _SOLES, _LACES, _BUMP = TOES.start, SOLES.start, LACES.start, index("touch", "bump")
_COMMON_TOUCH = len(COMMON["touch"])
_CUP = index("intero", "cup")
_SEEN_BY, _LAUGHTER = index("social", "seen_by"), index("social", "laughter")
# What touch tells of the way and the hand in worlds that have it, and what is noticed by it.
_BY_THE_HAND = (
    ("blocked_by_wall", NoticedEvent.BUMPED),
    ("blocked_by_door", NoticedEvent.BUMPED),
    ("blocked_by_thing", NoticedEvent.BUMPED),
    ("nothing_there", NoticedEvent.GRASPED_NOTHING),
    ("refused", NoticedEvent.WAS_REFUSED),
    ("still_full", NoticedEvent.HAND_STAYED_FULL),
    ("locked", NoticedEvent.FOUND_LOCKED),
    ("opened", NoticedEvent.OPENED),
    ("shut", NoticedEvent.SHUT),
)

# Names that compiled code reads as numbers.
STAND, CROUCH, STUMBLE, DOWN, RISING = (int(posture) for posture in Posture)

LOOSE_FROM = 0.4  # felt looseness of a lace: 0.5 hangs quite open, 1 is being stepped on
TIGHT_BELOW = 0.2
_STEPPED_ON = 0.75
_TOUCHED = 0.1  # a fainter touch goes unnoticed
_SPILL = 0.05  # of the cup, in one go or in drops
LONG_STRETCH = 4  # cells of one hazard, walked over one after the other
_MEALS = 4  # that a gut holds
_MORE = 0.01  # of a level that a meal has changed
_SATED = 0.95  # above which a level does not tell whether there was more
_SLEEPING = 0.003  # by which fatigue falls in a tick
_BURN = 0.2  # of pain in the hands
_CONTACT_TICKS = 8  # a stumble is put down to a contact at most this long ago

SENSOR_STATE = np.dtype(
    [
        ("new", np.bool_),  # nothing has been felt yet, so nothing can have changed
        ("tick", np.int32),  # percepts so far
        ("posture", np.int8),
        ("speed", np.float32),  # m/s
        ("turn", np.int8),
        ("held_object", np.int16),  # 1 (EMPTY) is an empty hand
        ("held_color", np.int16),
        ("front_object", np.int16),  # what is seen in the cell ahead; 0 is unseen
        ("front_color", np.int16),
        ("lace", np.float32, (2,)),
        ("loose", np.uint8, (2,)),  # flags; Numba nests no bool_
        ("touched", np.uint8, (8,)),
        ("cup", np.float32),
        ("cup_marked", np.float32),  # its level when a spill was last noticed
        ("seen_by", np.float32),
        ("laughter", np.float32),
        ("contact", np.int16, (2,)),  # object and color of the last contact, as believed
        ("contact_ticks", np.int16),  # since then
        ("stretch", np.int16, (2,)),  # object and color of the hazard that it walks over
        ("stretch_cells", np.int16),  # one after the other, without a fall
        ("was_told", np.bool_),  # something, in this tick
        # eating and living, in worlds that have it
        ("has_eaten", np.bool_),  # a fruit, in this tick
        ("drinks", np.bool_),
        ("bites_in_vain", np.bool_),
        ("sleeps", np.bool_),
        ("meals", np.int16, (4, 2)),  # object and color of what was eaten and has not told yet
        ("meal_count", np.int8),
        ("energy", np.float32),
        ("protein", np.float32),
        ("water", np.float32),
        ("fatigue", np.float32),
        ("belly", np.float32),
        ("hands", np.float32),  # pain
        ("about", np.int16, (2,)),  # object and color of the last event, as believed
    ],
    align=True,
)

VECTOR_SENSES = ("proprio", "vestibular", "touch", "pain", "intero", "efference", "social")


class Senses:
    """The senses of a batch of avatars, with the memory that noticing a change takes.

    Attributes:
        num_avatars: B.
        spec: Of the world.
        ablation: What is wrong with which sense.
        ego_map: What is remembered of the surroundings.
        sensor_state: (B,) records of `SENSOR_STATE`: this tick, in the form in which skills read
            it.

    Args:
        num_avatars: B.
        spec: Of the world.
        ablations: What is wrong with which sense; see `Ablation`. Nothing, without.
    """

    def __init__(
        self,
        num_avatars: int,
        spec: WorldSpec,
        ablations: Mapping[str, bool | str] | None = None,
    ):
        self.num_avatars = num_avatars
        self.spec = spec
        self.ablation = Ablation({} if ablations is None else ablations, spec)
        self._silence = np.zeros((num_avatars, 0), np.int32)
        self._living = _living_columns(spec)
        bites = self._living.refused >= 0  # then what is refused is a bite, for as long as it lasts
        self._by_hand = np.array(
            [
                (spec.column("touch", name), event)
                for name, event in _BY_THE_HAND
                if spec.has("touch", name) and not (bites and name == "refused")
            ],
            np.int64,
        ).reshape(-1, 2)
        self._tells_what_blocks = spec.has("touch", "blocked_by_wall")
        ties = spec.has("efference", "tie_lace")
        self._tie_lace = spec.column("efference", "tie_lace") if ties else -1
        self.ego_map = EgoMap(num_avatars, spec)
        self.sensor_state = np.zeros(num_avatars, SENSOR_STATE)
        self.begin(np.arange(num_avatars))

    def begin(self, rows: NDArray) -> None:
        """Forget everything that these avatars have sensed."""
        self.ego_map.begin(rows)
        blank = np.zeros((), SENSOR_STATE)
        blank["new"], blank["contact_ticks"], blank["held_object"] = True, _CONTACT_TICKS, EMPTY
        self.sensor_state[rows] = blank

    def perceive(self, observation: Mapping[str, NDArray]) -> PerceptBatch:
        """Return what the senses make of one tick's observation; call it once a tick.

        Args:
            observation: Arrays with the avatar as leading axis, as a vector env returns them.

        Returns:
            The percept. What the world gave is passed on as it is, not copied; what the senses
            add is new in every tick.

        Raises:
            ValueError: If the observation is not of `num_avatars` avatars.
        """
        observation = self.ablation.of(observation)
        image = np.ascontiguousarray(observation["image"], np.uint8)
        if image.shape != (self.num_avatars, 7, 7, 3):
            raise ValueError(
                f"observation 'image' must have shape ({self.num_avatars}, 7, 7, 3), got "
                f"{image.shape}; make the body with num_avatars={len(image)}"
            )
        sense = {
            name: np.ascontiguousarray(observation[name], np.float32) for name in VECTOR_SENSES
        }
        heard = observation.get("heard", self._silence)
        self.ego_map.update(image, sense["proprio"])
        events = np.zeros((self.num_avatars, len(NoticedEvent)), np.bool_)
        _notice(
            self.sensor_state,
            self.ego_map.memory,
            self.ego_map.kinds,
            image,
            tuple(sense[name] for name in VECTOR_SENSES if name != "vestibular"),
            np.ascontiguousarray(heard, np.int32),
            self._by_hand,
            self._tells_what_blocks,
            self._tie_lace,
            self._living,
            events,
        )
        return PerceptBatch(
            spec=self.spec,
            image=image,
            **sense,
            mission=observation["mission"],
            heard=heard,
            clock=observation["clock"].reshape(self.num_avatars),
            position=self.ego_map.cells_from_start(),
            landmarks=self.ego_map.landmarks.copy(),
            events=events,
            event_objects=self.sensor_state["about"].copy(),
        )


# ---- Noticing ----


@compiled_apart
def _notice(
    sensor_state,
    memory,
    kinds,
    image,
    senses,
    heard,
    by_hand,
    tells_what_blocks,
    tie_lace,
    living,
    events,
):
    proprio, touch, pain, intero, efference, social = senses
    for row in range(len(sensor_state)):
        body, ego_map, noticed = sensor_state[row], memory[row], events[row]
        body.tick += 1
        _feel_contacts(body, ego_map, kinds, touch[row], noticed)
        if len(by_hand):
            _feel_hand_work(body, ego_map, touch[row], by_hand, noticed)
        if not tells_what_blocks and _begins(body, touch[row], _BUMP):
            _feel_bump(body, ego_map, noticed)
        for i in range(_COMMON_TOUCH):
            body.touched[i] = touch[row, i] > _TOUCHED
        _feel_laces(body, touch[row], efference[row], tie_lace, noticed)
        _feel_posture(body, proprio[row], noticed)
        entered = ego_map.moved and proprio[row, _LAST_TURN] == 0.0
        _feel_stretch(body, ego_map, kinds, entered, noticed)
        _feel_hand(body, image[row, EYE_COLUMN, EYE_ROW], noticed)
        _feel_cup(body, intero[row, _CUP], noticed)
        _feel_others(body, social[row], noticed)
        if living.mouth >= 0:
            _live(body, ego_map, touch[row], pain[row], intero[row], living, noticed)
        if heard.shape[1]:
            _hear(body, heard[row], noticed)
        body.front_object = image[row, EYE_COLUMN, EYE_ROW - 1, 0]
        body.front_color = image[row, EYE_COLUMN, EYE_ROW - 1, 1]
        body.speed = proprio[row, _SPEED]
        body.turn = np.int8(proprio[row, _LAST_TURN])
        if body.new:
            noticed[:] = False  # the first tick shows a state, not a change
            body.about[:] = 0
            body.new = False


@compiled_apart
def _blame(body, object, color):
    body.about[0], body.about[1] = object, color


@compiled_apart
def _blame_cell(body, kinds, packed):
    """Put a contact down to the hazard remembered in a cell, or to nothing known."""
    is_hazard = kinds[packed & 255] & HAZARD != 0
    body.contact[0] = packed & 255 if is_hazard else 0
    body.contact[1] = (packed >> 8) & 15 if is_hazard else 0
    body.contact_ticks = 0


@compiled_apart
def _feel_contacts(body, ego_map, kinds, touch, noticed):
    """A toe is caught at the edge of the cell ahead; a sole slips on the ground underfoot."""
    body.contact_ticks = min(body.contact_ticks + 1, _CONTACT_TICKS)
    here = np.int64(ego_map.cell)
    if _begins(body, touch, _TOES) or _begins(body, touch, _TOES + 1):
        _blame_cell(body, kinds, ego_map.grid[here + STEPS[ego_map.heading]])
    if _begins(body, touch, _SOLES) or _begins(body, touch, _SOLES + 1):
        _blame_cell(body, kinds, ego_map.grid[here])
        _blame(body, body.contact[0], body.contact[1])
        noticed[NoticedEvent.SLIPPED] = True


@compiled_apart
def _feel_bump(body, ego_map, noticed):
    """Where nothing tells what blocked the way, it is put down to what is known to be ahead."""
    ahead = ego_map.grid[ego_map.cell + STEPS[ego_map.heading]]
    obj = ahead & 255
    known = obj != UNSEEN and obj != EMPTY
    _blame(body, obj if known else 0, (ahead >> 8) & 15 if known else 0)
    noticed[NoticedEvent.BUMPED] = True


@compiled_apart
def _feel_hand_work(body, ego_map, touch, by_hand, noticed):
    """What blocked the way, and what the hand met: each tick's by itself, about what is ahead."""
    for i in range(len(by_hand)):
        if touch[by_hand[i, 0]] > _TOUCHED:
            noticed[by_hand[i, 1]] = True
    if noticed.any():
        ahead = ego_map.grid[ego_map.cell + STEPS[ego_map.heading]]
        known = ahead & 255 > EMPTY
        _blame(body, ahead & 255 if known else 0, (ahead >> 8) & 15 if known else 0)


@compiled_apart
def _begins(body, touch, i):
    return touch[i] > _TOUCHED and not body.touched[i]


@compiled_apart
def _feel_laces(body, touch, efference, tie_lace, noticed):
    for foot in range(2):
        lace = touch[_LACES + foot]
        if lace > _STEPPED_ON and body.lace[foot] <= _STEPPED_ON:
            noticed[NoticedEvent.STEPPED_ON_LACE] = True
            body.contact[:] = 0
            body.contact_ticks = 0
            _blame(body, 0, 0)
        if lace >= LOOSE_FROM and not body.loose[foot]:
            body.loose[foot] = True
            noticed[NoticedEvent.LACE_CAME_LOOSE] = True
            _blame(body, 0, 0)
        elif lace < TIGHT_BELOW and body.loose[foot]:
            body.loose[foot] = False
            if tie_lace >= 0 and efference[tie_lace] > 0.5:
                noticed[NoticedEvent.LACE_TIED] = True
                _blame(body, 0, 0)
        body.lace[foot] = lace


@compiled_apart
def _feel_posture(body, proprio, noticed):
    """A mishap is put down to the contact just before it, and so is all that comes of it."""
    before, now = body.posture, np.int64(np.argmax(proprio[_POSTURE:_POSTURES]))
    body.posture = now
    if now == before:
        return
    was_on_the_floor = before in (DOWN, RISING)
    if now == STUMBLE:
        noticed[NoticedEvent.STUMBLED] = True
    if now == DOWN and not was_on_the_floor:
        noticed[NoticedEvent.FELL] = True
    if before == STUMBLE and (now in (STAND, CROUCH)):
        noticed[NoticedEvent.RECOVERED] = True
    if was_on_the_floor and (now in (STAND, CROUCH)):
        noticed[NoticedEvent.GOT_UP] = True
    if now == STUMBLE or (now == DOWN and before != STUMBLE and not was_on_the_floor):
        recent = body.contact_ticks < _CONTACT_TICKS
        _blame(body, body.contact[0] if recent else 0, body.contact[1] if recent else 0)


@compiled_apart
def _feel_stretch(body, ego_map, kinds, entered, noticed):
    """Behind a long stretch of one hazard, walked over without a fall, one has got across it.

    The cell into which one falls does not count, as in the world.
    """
    if noticed[NoticedEvent.FELL]:
        body.stretch_cells = 0
        return
    if not entered:
        return
    packed = np.int64(ego_map.grid[ego_map.cell])
    obj, color = packed & 255, (packed >> 8) & 15
    if kinds[obj] & HAZARD == 0:
        if body.stretch_cells >= LONG_STRETCH:
            noticed[NoticedEvent.GOT_ACROSS] = True
            _blame(body, body.stretch[0], body.stretch[1])
        body.stretch_cells = 0
        return
    same = body.stretch[0] == obj and body.stretch[1] == color
    body.stretch_cells = body.stretch_cells + 1 if same else 1
    body.stretch[0], body.stretch[1] = obj, color


@compiled_apart
def _feel_hand(body, hand, noticed):
    obj, color = np.int64(hand[0]), np.int64(hand[1])
    if obj != body.held_object or color != body.held_color:
        if obj > EMPTY:
            noticed[NoticedEvent.PICKED_UP] = True
            _blame(body, obj, color)
        elif body.held_object > EMPTY:
            noticed[NoticedEvent.PUT_DOWN] = True
            if not noticed[NoticedEvent.FELL]:
                _blame(body, body.held_object, body.held_color)
    if obj != body.held_object:
        body.cup_marked = -1.0  # another hand-full: its level is not compared with the last one's
    body.held_object, body.held_color = obj, color


@compiled_apart
def _feel_cup(body, level, noticed):
    """Drops add up until they are noticed; a fall empties the cup all at once."""
    emptied_by_fall = noticed[NoticedEvent.FELL] and body.cup - level > _SPILL
    if body.cup_marked < 0.0 or level > body.cup_marked:
        body.cup_marked = level
    if body.cup_marked - level > _SPILL or emptied_by_fall:
        noticed[NoticedEvent.SPILLED] = True
        body.cup_marked = level
    body.cup = level


@compiled_apart
def _feel_others(body, social, noticed):
    """Eyes count while one stumbles or lies there; a laugh is always heard."""
    in_trouble = body.posture == STUMBLE or body.posture == DOWN or body.posture == RISING
    seen_by, laughter = social[_SEEN_BY], social[_LAUGHTER]
    more = seen_by > body.seen_by or noticed[NoticedEvent.FELL]
    if in_trouble and seen_by > _TOUCHED and more:
        noticed[NoticedEvent.WAS_SEEN] = True
    if laughter > _TOUCHED and body.laughter <= _TOUCHED:
        noticed[NoticedEvent.HEARD_LAUGHTER] = True
    body.seen_by, body.laughter = seen_by, laughter


@compiled_apart
def _hear(body, heard, noticed):
    """Hear what somebody says of something; a mishap in the same tick drowns it."""
    body.was_told = heard[0] > 0 and not noticed.any()
    if body.was_told:
        noticed[NoticedEvent.WAS_TOLD] = True
        _blame(body, heard[2], heard[3])


# ---- Eating and living ----


class _Living(NamedTuple):
    """Columns of what tells of food and fire; -1 in worlds that have none."""

    mouth: int
    heat: int
    refused: int
    hands: int
    belly: int
    energy: int
    water: int
    fatigue: int
    protein: int
    gut: int


def _living_columns(spec: WorldSpec) -> _Living:
    of = {"touch": ("mouth", "heat", "refused"), "pain": ("hands", "belly")}
    of["intero"] = ("energy", "water", "fatigue", "protein", "gut")
    names = [(sense, name) for sense, some in of.items() for name in some]
    if not all(spec.has(*name) for name in names):
        return _Living(*[-1] * len(names))
    return _Living(*(spec.column(*name) for name in names))


@compiled_apart
def _live(body, ego_map, touch, pain, intero, at, noticed):
    """Notice eating and drinking, sleep, fire, and what a meal does once it leaves the gut."""
    mouth = touch[at.mouth]
    body.has_eaten = mouth > 0.75
    drinks = mouth > _TOUCHED and not body.has_eaten
    if body.has_eaten:
        _notice_ahead(body, ego_map, noticed, NoticedEvent.ATE)
        if body.meal_count < _MEALS:
            body.meals[body.meal_count, 0], body.meals[body.meal_count, 1] = body.about
            body.meal_count += 1
    if drinks and not body.drinks:
        _notice_ahead(body, ego_map, noticed, NoticedEvent.DRANK)
    bites_in_vain = touch[at.refused] > _TOUCHED
    if bites_in_vain and not body.bites_in_vain:
        _notice_ahead(body, ego_map, noticed, NoticedEvent.WAS_REFUSED)
    sleeps = body.fatigue - intero[at.fatigue] > _SLEEPING
    if sleeps and not body.sleeps:
        _notice_ahead(body, ego_map, noticed, NoticedEvent.LAY_DOWN)
    hurts_hands = pain[at.hands] - body.hands > _BURN and not noticed[NoticedEvent.FELL]
    if touch[at.heat] > 0.9 and hurts_hands:
        _notice_ahead(body, ego_map, noticed, NoticedEvent.BURNED)
    if round(intero[at.gut] * _MEALS) < body.meal_count:
        _feel_meal(body, pain, intero, at, drinks, noticed)
    body.drinks, body.sleeps, body.bites_in_vain = drinks, sleeps, bites_in_vain
    body.energy, body.protein, body.water = intero[at.energy], intero[at.protein], intero[at.water]
    body.fatigue, body.belly, body.hands = intero[at.fatigue], pain[at.belly], pain[at.hands]


@compiled_apart
def _notice_ahead(body, ego_map, noticed, event):
    """Notice an event about what is known to be ahead."""
    ahead = np.int64(ego_map.grid[ego_map.cell + STEPS[ego_map.heading]])
    known = ahead & 255 > EMPTY
    _blame(body, ahead & 255 if known else 0, (ahead >> 8) & 15 if known else 0)
    noticed[event] = True


@compiled_apart
def _feel_meal(body, pain, intero, at, drinks, noticed):
    """Put down what changes as the gut empties to the meal that has been in it for longest.

    An illness eases from tick to tick, so that one whose belly does not is ill anew.
    """
    _blame(body, body.meals[0, 0], body.meals[0, 1])
    body.meal_count -= 1
    for i in range(_MEALS - 1):
        body.meals[i, 0], body.meals[i, 1] = body.meals[i + 1, 0], body.meals[i + 1, 1]
    sip = 0.1 if drinks else 0.0  # what comes by the mouth in the same tick is not the meal's
    sweet = 0.1 if body.has_eaten else 0.0
    if pain[at.belly] > 0.0 and pain[at.belly] >= body.belly:
        noticed[NoticedEvent.MADE_ILL] = True
    elif intero[at.energy] - body.energy > _MORE + sweet:
        noticed[NoticedEvent.GAVE_ENERGY] = True
    elif intero[at.protein] - body.protein > _MORE:
        noticed[NoticedEvent.GAVE_PROTEIN] = True
    elif intero[at.water] - body.water > _MORE + sip:
        noticed[NoticedEvent.GAVE_WATER] = True
    elif max(intero[at.energy], intero[at.protein], intero[at.water]) < _SATED:
        noticed[NoticedEvent.GAVE_NOTHING] = True
