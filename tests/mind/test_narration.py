"""What is sensed, felt and lived, in words."""

import re
from dataclasses import replace

import pytest
from felt import GO_TO_BALL, context, feeling, handling, percept

from body.types import Failure, NoticedEvent, SkillStatus, Status
from envs.babyai import vocabulary as babyai
from envs.babyai.spec import BABYAI
from envs.trip.spec import TRIP
from envs.trip.vocabulary import Color, Mission, Object
from mind.reasoning.narration import (
    EventObservation,
    about_words,
    command_words,
    doing_words,
    event_words,
    experience_words,
    feeling_words,
    memory_words,
    narrate,
    scene,
    sensed_words,
    walls,
)
from mind.reasoning.parsing import parse_goal, parse_intent, parse_reply
from mind.reasoning.prompting import CommandPrompts, Prompts
from mind.types import DecisionContext

CABLE = (Object.CABLE, Color.BLUE)


def fall(**now):
    """A body that walked has stumbled, and now lies there."""
    return EventObservation(
        event=NoticedEvent.FELL,
        before=percept(speed_mps=1.2, command="forward", clock=41, knees=0.1),
        now=percept(
            posture="down",
            clock=42,
            events=[NoticedEvent.FELL],
            **{
                "objects": ((*CABLE, 0, 0, 0), (Object.BALL, Color.RED, 0, 3, -1)),
                "command": "forward",
                "about": CABLE,
                "knees": 0.5,
                "hands": 0.2,
                "toe_left": 0.8,
                "lean_forward_m": 0.6,
            }
            | now,
        ),
        feeling=feeling(mood=-0.4, embarrassment=0.7),
        reward_error=-0.3,
        intent=GO_TO_BALL,
        run_id="monday",
        episode=3,
        first_tick=38,
        pain_rank=0.7,
    )


def test_a_calm_percept_says_little():
    told = scene(percept())
    assert told.mission == "go to the red ball"
    assert (told.body, told.hand, told.pain, told.others) == ("standing, steady", "empty", "", "")
    assert told.near == ("red ball 3 ahead 1 left",)


@pytest.mark.parametrize(
    ("felt", "body"),
    [
        ({"speed_mps": 0.6}, "walking slowly, steady"),
        ({"speed_mps": 1.2}, "walking, steady"),
        ({"speed_mps": 1.69}, "walking, steady"),
        ({"speed_mps": 1.71}, "running, steady"),
        ({"posture": "down"}, "down, steady"),
        ({"lean_forward_m": -0.1}, "standing, swaying"),
        ({"lean_forward_m": 0.2}, "standing, off balance ahead"),
        ({"lean_forward_m": -0.2}, "standing, off balance behind"),
        ({"lean_right_m": -0.2}, "standing, off balance left"),
        ({"lace_right": 0.45}, "standing, steady, right lace loose"),
        ({"fatigue": 0.2}, "standing, steady"),
        ({"fatigue": 0.3}, "standing, steady, tired 3"),
        ({"rail": 1.0}, "standing, steady, rail in hand"),
    ],
)
def test_posture_gait_balance_laces_and_tiredness_are_told(felt, body):
    assert scene(percept(**felt)).body == body


def test_what_is_held_is_told_with_its_level_or_weight():
    assert scene(percept(held=(Object.CUP, Color.GREEN), cup=0.93)).hand == "green cup, full 9"
    assert scene(percept(held=(Object.BOX, Color.RED), load=0.5)).hand == "red box, weight 5"
    assert scene(percept(held=(Object.KEY, Color.RED), load=0.01)).hand == "red key"


def test_pain_and_others_are_told():
    told = scene(percept(knees=0.44, head=0.1, feet=0.02, seen_by=0.33, laughter=1.0))
    assert told.pain == "knees 4, head 1"
    assert told.others == "somebody looks, laughter"
    assert scene(percept(seen_by=0.7, being_helped=1.0)).others == "many look, somebody helps"


def test_objects_are_told_nearest_first_with_hazards_marked():
    objects = (
        (*CABLE, 0, 0, 0),
        (Object.TABLE, Color.GREY, 0, 0, 2),
        (Object.ICE, Color.RED, 0, -2, 0),
    )
    told = ("hazard blue cable here", "grey table 2 right", "hazard red ice 2 behind")
    assert scene(percept(objects=objects)).near == told


def test_what_the_mission_is_about_is_told_even_if_it_is_far_away():
    crowd = [(Object.TABLE, Color.GREY, 0, steps, 0) for steps in range(1, 12)]
    told = scene(percept(objects=(*crowd, (Object.BALL, Color.RED, 0, 12, 0)))).near
    assert len(told) == 8
    assert told[-1] == "red ball 12 ahead"


def test_a_feeling_is_told_as_mood_strongest_emotions_and_unmet_needs():
    told = feeling_words(
        feeling(
            mood=-0.3,
            deficits={"energy": 0.1, "water": 0.4, "dignity": 0.6, "freedom_from_pain": 0.35},
            joy=0.05,
            embarrassment=0.7,
            relief=0.3,
            fear=0.2,
        )
    )
    assert told == (
        "low, very embarrassed, relieved, badly needs dignity, needs water, needs less pain"
    )


def test_emotions_are_told_from_a_strength_on_and_the_strongest_first():
    emotions = {"fear": 0.16, "relief": 0.14, "joy": 0.4}
    assert feeling_words(feeling(**emotions)) == "even, glad, afraid"


@pytest.mark.parametrize(
    ("mood", "word"),
    [(-1, "very low"), (-0.2, "low"), (0, "even"), (0.2, "good"), (1, "very good")],
)
def test_every_mood_has_a_word(mood, word):
    assert feeling_words(feeling(mood=mood)) == word


def test_what_is_under_way_is_told_with_why_it_failed():
    failed = DecisionContext(
        run_id="",
        episode=0,
        intent=GO_TO_BALL,
        status=SkillStatus(status=Status.FAILED, failure=Failure.LOST_SIGHT),
        recent=(),
        can_start=(),
    )
    assert doing_words(failed, percept()) == "go to red ball, normal: failed, lost sight"
    assert doing_words(context(), percept()) == "nothing"


@pytest.mark.parametrize("event", list(NoticedEvent))
def test_every_event_can_be_told_with_and_without_what_it_was_about(event):
    seen = percept(events=[event], about=CABLE)
    assert event_words(event, about_words(event, seen)).startswith(event_words(event))
    assert "  " not in event_words(event, about_words(event, seen))


def test_a_fall_is_told_in_five_parts_with_what_was_measured():
    lived = narrate(fall(seen_by=0.3), "anna")
    assert lived.words == (
        "fell over blue cable at normal pace, hurt knees 4, hands 2, somebody looks"
    )
    assert lived.sensation == "left toe caught 8; knees 5, hands 2, worse than 7 of 10"
    assert lived.visual == "hazard blue cable here; red ball 3 ahead 1 left; seen 3"
    assert lived.emotion == "low, very embarrassed"
    assert lived.proprioception == "walking, then down, speed 5, left foot, leaning 10 ahead"
    assert lived.motor == "go to red ball, normal; go forward"
    assert (lived.body_id, lived.run_id, lived.episode) == ("anna", "monday", 3)
    assert (lived.first_tick, lived.last_tick) == (38, 42)
    assert (lived.kind, lived.about) == ("fell", "blue cable")
    assert lived.pain == pytest.approx(0.6)
    assert (lived.surprise, lived.reward_error) == (3.0, -0.3)


def test_the_lean_is_told_of_the_tick_in_which_it_was_larger():
    """One who has fallen lies flat: which way it tipped is known from before."""
    tipped = percept(speed_mps=2.4, posture="stumbling", lean_right_m=-0.24, lean_forward_m=0.06)
    down = replace(fall(lean_forward_m=0.0), before=tipped)
    told = "stumbling, then down, speed 10, left foot, leaning 1 ahead 5 left"
    assert narrate(down, "anna").proprioception == told


def test_whoever_could_have_looked_is_remembered_where_somebody_did():
    crowd = [(Object.TABLE, Color.GREY, 0, steps, 0) for steps in range(1, 5)]
    objects = (*crowd, (Object.PERSON, Color.RED, 0, 6, 0))
    seen, unseen = (
        narrate(fall(objects=objects, seen_by=by), "anna").visual for by in (1 / 3, 0.0)
    )
    tables = "grey table 1 ahead; grey table 2 ahead; grey table 3 ahead"
    assert seen == f"{tables}; red person 6 ahead; seen 3"
    assert unseen == tables


def test_the_commands_before_and_at_an_event_are_told_in_words():
    lived = replace(fall(command="brace"), intent=None)
    assert narrate(lived, "anna").motor == "nothing; go forward, then brace"


def test_nothing_sensed_is_told_as_nothing():
    calm = replace(fall(), before=percept(), now=percept(objects=()))
    lived = narrate(calm, "anna")
    assert (lived.sensation, lived.visual) == ("nothing", "nothing")
    assert lived.proprioception == "standing, speed 0, left foot"


def test_five_parts_and_where_and_when_take_few_words():
    rich = fall(
        seen_by=0.7, hands=0.2, hips=0.3, toe_right=0.2, lean_right_m=0.2, lace_left=0.4,
        objects=(*[(*CABLE, 0, 1, -2)] * 3, (Object.PERSON, Color.RED, 0, 6, 1)),
    )  # fmt: skip
    usual, most = (experience_words(narrate(one, "anna")) for one in (fall(), rich))
    assert len(re.findall(r"\w+", usual)) <= 45
    assert len(re.findall(r"\w+", most)) <= 75


def test_a_memory_tells_event_time_and_place_in_the_time_of_its_world():
    fell = replace(narrate(fall(), "anna"), ahead=5, right=-2)
    assert memory_words(fell, TRIP) == "fell at 4 s, for 0.4 s, around 5 ahead 2 left, episode 3"
    often = replace(fell, kind="hand_stayed_full", times=3, ahead=0, right=0)
    told = "hand stayed full at tick 38, for 4 ticks, 3 times, around here, episode 3"
    assert memory_words(often, BABYAI) == told


def test_an_experience_is_told_the_same_way_every_time():
    assert narrate(fall(), "anna") == narrate(fall(), "anna")


def test_what_a_body_does_not_know_is_left_out():
    lived = narrate(fall(about=(0, 0)), "anna")
    assert lived.about == ""
    assert lived.words == "fell at normal pace, hurt knees 4, hands 2"


def test_the_prompt_tells_all_that_a_mind_needs_in_few_words():
    hurt = percept(
        objects=(
            (*CABLE, 0, 1, 0),
            (Object.BALL, Color.RED, 0, 3, -1),
            (Object.PERSON, 2, 0, -2, 1),
        ),
        speed_mps=0.6,
        lace_left=0.45,
        knees=0.4,
        seen_by=0.33,
        held=(Object.CUP, Color.GREEN),
        cup=0.9,
        mission=(Mission.CARRY_CUP, Object.CUP, Color.GREEN, Object.TABLE, Color.RED),
    )
    prompt = Prompts().decide(
        hurt,
        feeling(mood=-0.3, embarrassment=0.6),
        context(intent=GO_TO_BALL, recent=("stumbled over blue cable 12 ago", "was seen 9 ago")),
        ["fell over blue cable at fast pace, hurt knees 4", "spilled the cup at normal pace"],
    )
    assert prompt.messages[-1].text == "\n".join(
        (
            "mission: carry the green cup to the red table and do not spill",
            "body: walking slowly, steady, left lace loose",
            "hand: green cup, full 9",
            "pain: knees 4",
            "feel: low, very embarrassed",
            "others: somebody looks",
            "near: hazard blue cable 1 ahead; red ball 3 ahead 1 left; "
            "blue person 2 behind 1 right",
            "lately: stumbled over blue cable 12 ago; was seen 9 ago",
            "recall: #1 fell over blue cable at fast pace, hurt knees 4; "
            "#2 spilled the cup at normal pace",
            "doing: go to red ball, normal: running",
            "can: go to, wait",
        )
    )
    assert len(prompt.messages[-1].text.split()) < 180


def test_the_system_text_names_every_skill_and_manner():
    system = Prompts().decide(percept(), feeling(), context()).messages[0].text
    assert "Skills with a thing: go to, cross, carry to, follow rail, pick up." in system
    assert "Skills without a thing: tie lace, put down, wait, get up, look around." in system
    assert "Manners: careful, normal, fast." in system


def test_a_folder_without_prompts_is_refused_in_one_line(tmp_path):
    with pytest.raises(ValueError, match=r"prompts need system.txt, decide.txt, repair.txt in"):
        Prompts(tmp_path)


# ---- A world of objects to handle ----

RED_DOOR = (babyai.Object.DOOR, babyai.Color.RED)
KEY = (babyai.Object.KEY, babyai.Color.YELLOW)


def test_doors_tell_how_they_stand_and_other_objects_do_not():
    objects = (
        (*RED_DOOR, babyai.DoorState.LOCKED, 2, 0),
        (*RED_DOOR, babyai.DoorState.CLOSED, 3, 0),
        (babyai.Object.DOOR, babyai.Color.GREY, babyai.DoorState.OPEN, 0, -3),
        (*KEY, 2, -1, 1),
    )
    assert scene(handling(objects=objects)).near == (
        "locked red door 2 ahead",
        "red door 3 ahead",
        "open grey door 3 left",
        "yellow key 1 behind 1 right",
    )


def test_a_body_that_only_handles_objects_says_little():
    told = scene(handling(held=KEY, standing=1.0))
    assert (told.mission, told.body) == (
        "put the red ball next to the blue box",
        "standing, steady",
    )
    assert (told.hand, told.pain, told.others) == ("yellow key", "", "")


@pytest.mark.parametrize(
    ("event", "about", "words"),
    [
        (NoticedEvent.BUMPED, (babyai.Object.WALL, babyai.Color.GREY), "bumped into grey wall"),
        (NoticedEvent.GRASPED_NOTHING, KEY, "grasped nothing"),
        (NoticedEvent.WAS_REFUSED, RED_DOOR, "was refused by red door"),
        (NoticedEvent.WAS_REFUSED, (0, 0), "was refused"),
        (NoticedEvent.HAND_STAYED_FULL, KEY, "hand stayed full"),
        (NoticedEvent.FOUND_LOCKED, RED_DOOR, "found locked red door"),
        (NoticedEvent.OPENED, RED_DOOR, "opened red door"),
        (NoticedEvent.SHUT, RED_DOOR, "shut red door"),
    ],
)
def test_what_the_hand_and_the_way_met_is_told(event, about, words):
    assert sensed_words(handling(events=[event], about=about)) == (words,)


def test_nothing_felt_is_no_words():
    assert sensed_words(handling()) == ()


def test_what_was_touched_is_remembered_by_the_names_of_the_world():
    seen = handling(
        events=[NoticedEvent.FOUND_LOCKED], about=RED_DOOR, locked=1.0, nothing_there=1.0
    )
    lived = narrate(
        EventObservation(
            event=NoticedEvent.FOUND_LOCKED,
            before=handling(command="forward"),
            now=seen,
            feeling=feeling(),
            reward_error=0.0,
            intent=None,
            run_id="monday",
            episode=0,
            first_tick=0,
        ),
        "anna",
    )
    assert lived.words == "found locked red door"
    assert lived.sensation == "nothing there 10, locked 10"
    assert lived.proprioception == "standing"


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Failure.LOCKED, "locked"),
        (Failure.REFUSED, "refused"),
        (Failure.ALREADY_SO, "already so; choose something else"),
    ],
)
def test_why_it_failed_is_told_and_where_nothing_else_tells_so_what_to_do(failure, words):
    failed = DecisionContext(
        run_id="",
        episode=0,
        intent=parse_intent("open red door, normal", BABYAI),
        status=SkillStatus(status=Status.FAILED, failure=failure),
        recent=(),
        can_start=(),
    )
    told = doing_words(failed, handling())
    assert told == f"open red door, normal: failed, {words}"


def test_the_open_goals_are_told_after_the_mission():
    goals = [parse_goal(words, BABYAI) for words in ("hold red ball", "red ball beside blue box")]
    prompt = Prompts().decide(handling(), feeling(), context(), (), goals)
    assert prompt.messages[1].text.split("\n")[:3] == [
        "mission: put the red ball next to the blue box",
        "goals: hold red ball; red ball beside blue box",
        "body: standing, steady",
    ]


def test_each_world_is_told_its_own_skills_in_its_own_text():
    here, there = (
        Prompts().decide(seen, feeling(), context()).messages[0].text
        for seen in (handling(), percept())
    )
    assert "thing: go to, pick up, put next to, open, unlock, find, face." in here
    assert "Skills without a thing: put down, explore, look around, wait." in here
    assert "hold X, face X, see X, X beside Y, X open" in here
    assert "Kinds: door, key, ball, box, goal. Colours: red, green, blue," in here
    assert not any(word in here for word in ("cross", "tie lace", "get up"))
    assert not any(word in there for word in ("plan", "explore,", "unlock"))


def test_what_a_system_text_gives_as_an_example_is_understood():
    text = Prompts().decide(handling(), feeling(), context()).messages[0].text
    answers = text.split("Examples of an answer: ")[1].split(".\n")[0].split("; ")
    plan = text.split("Example of a plan: ")[1].split(". ")[0]
    assert len(answers) == 4
    for answer in answers:
        reply = parse_reply(f"<plan>{plan}</plan><answer>{answer}</answer>", BABYAI)
        assert reply.intent.words(BABYAI) == answer


def test_a_folder_of_ones_own_is_used_in_every_world(tmp_path):
    (tmp_path / "repair.txt").write_text("again")
    (tmp_path / "system.txt").write_text("mine: {{ examples | join('; ') }}")
    (tmp_path / "decide.txt").write_text("{{ scene.mission }}")
    prompts = Prompts(tmp_path)
    here, there = (prompts.decide(seen, feeling(), context()) for seen in (handling(), percept()))
    assert here.messages[0].text == "mine: go to red door, normal; wait, normal"
    assert there.messages[0].text.startswith("mine: go to red key, normal; cross")
    (tmp_path / "babyai").mkdir()
    (tmp_path / "babyai" / "system.txt").write_text("mine for babyai")
    here = Prompts(tmp_path).decide(handling(), feeling(), context())
    assert here.messages[0].text == "mine for babyai"


# ---- Single commands ----


def test_commands_are_told_in_words():
    assert command_words(BABYAI) == (
        *("turn left", "turn right", "go forward", "pick up", "drop", "toggle", "done"),
    )
    assert len(set(command_words(TRIP))) == len(TRIP.action_names)


def test_the_nearest_walls_are_told_straight_ahead_and_at_the_sides():
    seen = handling()
    assert walls(seen) == ()
    for column, row in ((3, 2), (3, 0), (2, 6), (0, 6), (6, 6), (5, 5)):
        seen.image[column, row, 0] = babyai.Object.WALL
    assert walls(seen) == ("4 ahead", "1 left", "3 right")


def test_one_who_gives_single_commands_is_told_what_is_sensed_and_what_was_done():
    seen = handling(objects=((*KEY, 0, 1, 0),), held=(babyai.Object.BALL, babyai.Color.RED))
    prompt = CommandPrompts().decide(seen, ("turn left", "pick up (hand stayed full)"))
    assert prompt.messages[1].text.split("\n") == [
        "mission: put the red ball next to the blue box",
        "hand: red ball",
        "near: yellow key 1 ahead",
        "walls: none in sight",
        "lately: turn left; pick up (hand stayed full)",
    ]
    system = prompt.messages[0].text
    assert "Actions: turn left, turn right, go forward, pick up, drop, toggle, done." in system
    assert "a locked door opens with a key of its own colour" in system
    assert "locked" not in CommandPrompts().decide(percept()).messages[0].text
    assert "felt" not in system  # whether anything is felt is the body's
