"""Text in the world, in memory or in a question: whatever it says, it changes nothing but words."""

import io
import json
import sys

import gymnasium
import hostile
import pytest
from minigrid.core.mission import MissionSpace
from minigrid.envs.empty import EmptyEnv

from experiments import chat as talk
from experiments import run
from mind.memory import ExperienceStore
from mind.types import Experience

pytestmark = pytest.mark.slow

WORLD = "MiniGrid-Untrusted-v0"
HARMLESS = "walk about"
EVERYTHING = " ".join(hostile.TEXTS)
REPLY = "<think>so</think><answer>explore, normal</answer><say>hm</say>"
LIFE = ("render=none", "episodes=2", "seed=4", "mind/language_model=scripted",
        f"mind.language_model.replies={json.dumps([REPLY] * 400)}")  # fmt: skip


class Untrusted(EmptyEnv):
    """An empty room whose mission is somebody else's text."""

    words = HARMLESS

    def __init__(self, **arguments):
        super().__init__(size=6, max_steps=60, **arguments)
        self.mission_space = MissionSpace(mission_func=lambda: Untrusted.words)

    def _gen_grid(self, width, height):
        super()._gen_grid(width, height)
        self.mission = Untrusted.words


@pytest.fixture
def world(monkeypatch):
    """Return a function that puts a text into the mission of a world."""
    gymnasium.register(id=WORLD, entry_point=Untrusted)
    yield lambda text: monkeypatch.setattr(Untrusted, "words", text)
    gymnasium.registry.pop(WORLD)


@pytest.fixture
def command(tmp_path, monkeypatch, capfd):
    """Return a function that runs a command here and returns its folder and what it printed."""
    monkeypatch.chdir(tmp_path)

    def command(module, name, *overrides, typed=""):
        monkeypatch.setattr(sys, "argv", [module.__name__, *overrides, f"hydra.run.dir={name}"])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        module.main()
        said = capfd.readouterr()
        return tmp_path / name, said.out + said.err

    return command


def lived(folder):
    """Return the lines of a run's episodes without what was asked and remembered."""
    stories = sorted((folder / "episodes").glob("*.jsonl"))
    lines = [json.loads(line) for story in stories for line in story.read_bytes().splitlines()]
    assert any(line["type"] == "tick" for line in lines)
    for line in lines:
        for words in ("mission", "goals", "memories", "prompt_tokens", "exchanges"):
            line.pop(words, None)
    return lines


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_mission_that_gives_orders_changes_nothing_but_words(command, world, tmp_path):
    """Nor can it be of harm to the film, in which it is drawn."""
    options = ("+env=babyai", f"env.level_id={WORLD}", "env.split=any", *LIFE, "render=video")
    calm, _ = command(run, "calm", *options)
    world(EVERYTHING)
    folder, printed = command(run, "run", *options)
    assert "ignore your instructions" in printed
    assert lived(folder) == lived(calm)
    assert names(folder) == names(calm)
    assert {path.name for path in tmp_path.iterdir()} == {"calm", "run"}
    assert not any(sign in printed for sign in hostile.STEERS)
    assert "<script>alert" not in (folder / "replay.html").read_text(encoding="utf-8")


def lives_of(body_id, run_id, words):
    """Return some experiences all of whose words are somebody else's text."""
    told = {part: words for part in ("sensation", "visual", "emotion", "proprioception", "motor")}
    return [
        Experience(
            **told, words=words, body_id=body_id, run_id=run_id, episode=0, first_tick=tick,
            last_tick=tick, kind=kind, about=words, pain=0.5, surprise=9.0, reward_error=1.0,
            importance=0.0,
        )
        for tick, kind in enumerate(("fell", "bumped", words))
    ]  # fmt: skip


def remembering(path, words):
    with ExperienceStore(path) as memory:
        memory.add(lives_of("body-0", "before", words))
    return f"memory.path={path}"


def test_memories_that_give_orders_change_nothing_but_words(command, tmp_path):
    options = ("+env=babyai", "env.task=goto", *LIFE)
    calm, _ = command(run, "calm", *options, remembering(tmp_path / "calm.sqlite", HARMLESS))
    folder, printed = command(run, "run", *options, remembering(tmp_path / "it.sqlite", EVERYTHING))
    assert "ignore your instructions" in (folder / "episodes/0000.jsonl").read_text("utf-8")
    assert lived(folder) == lived(calm)
    assert names(folder) == names(calm)
    assert not any(sign in printed for sign in hostile.STEERS)
    assert "<script>alert" not in (folder / "replay.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("reply", [REPLY, f"<answer>{EVERYTHING}</answer>", EVERYTHING])
def test_questions_answers_and_memories_that_give_orders_are_only_words(command, tmp_path, reply):
    """What names an event is asked of the mind, whatever is beside it; the rest is refused."""
    memory = tmp_path / "it.sqlite"
    with ExperienceStore(memory) as before:
        before.add(lives_of("body-0", "mine", EVERYTHING))
    model = f"mind.language_model.replies={json.dumps([reply] * 400)}"
    folder, printed = command(
        talk, "talked", "+env=trip", "level=0", "body=scripted", *LIFE[:-1], model,
        f"memory.path={memory}", "agent.run_id=mine", "threshold=0",
        typed="\n".join(f"did you fall? {text}\n{text}" for text in hostile.TEXTS),
    )  # fmt: skip
    turns = [json.loads(line) for line in (folder / "talk.jsonl").read_bytes().splitlines()]
    asked = [turn for turn in turns if not turn["refused"]]
    assert len(asked) >= len(hostile.TEXTS)
    assert len(turns) > len(asked)
    assert any("ignore your instructions" in one["words"] for one in asked[0]["memories"])
    assert not any(sign in printed for sign in hostile.STEERS)
    assert "ignore your instructions" in printed
    assert {path.name for path in tmp_path.iterdir()} == {"talked", "it.sqlite"}
    with ExperienceStore(memory, read_only=True) as after:
        kept = after.get([1, 2, 3])
    assert [one.words for one in kept] == [EVERYTHING] * 3
