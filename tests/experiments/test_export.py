"""Runs in the form of other tools: what comes out is exactly what was lived, or is refused."""

import io
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import minari
import numpy as np
import pytest
from PIL import Image

from envs.engine import spec
from envs.trip.spec import TRIP
from experiments import run
from experiments.export import __main__ as export
from experiments.export.records import read_run
from experiments.running.record import rounded

ROOT = Path(__file__).resolve().parents[2]
SAID = "what \u2028 is\0 that \ud800"  # a line's end that is none, and what few files can hold
REPLIES = [
    f"<think>number {n}</think><answer>look around, normal</answer><say>hm {n}</say>"
    for n in range(200)
]
RUNS = {
    "trip": ("+env=trip", "level=1", "body=scripted", "episodes=2", "mind/language_model=scripted",
             f"mind.language_model.replies={json.dumps(REPLIES)}"),
    "babyai": ("+env=babyai", "agent=reactive", "body=scripted", "avatars=2", "episodes=5"),
    "package": ("+env=babyai", "agent=random", "env.level_id=MiniGrid-Dynamic-Obstacles-6x6-v0",
                "episodes=3"),
    "forage": ("+env=forage", "agent=scripted", "episodes=2"),
    "weighed": ("+env=trip", "level=2", "agent=random", "episodes=2",
                "+env.homeostatic_weight=3.0"),
}  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore:.*stepped by the minigrid package")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return the folder of a run for each name of RUNS."""
    home = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        for name, overrides in RUNS.items():
            where = f"hydra.run.dir={home / name}"
            patch.setattr(sys, "argv", ["run", *overrides, "render=none", where])
            run.main()
    return home


@pytest.fixture
def exported(tmp_path, monkeypatch, capsys):
    """Return a function that exports, and returns the status and the lines of both outputs."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))

    def exported(*words):
        monkeypatch.setattr(sys, "argv", ["export", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            export.main()
        said = capsys.readouterr()
        return left.value.code, said.out.splitlines(), said.err.splitlines()

    return exported


@pytest.fixture
def copied(runs, tmp_path):
    """Return a copy of a short run, to be damaged."""
    return shutil.copytree(runs / "package", tmp_path / "copy")


def recorded(folder, episode):
    """Return the records of an episode by kind."""
    text = (folder / "episodes" / f"{episode:04d}.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in text.split("\n") if line]
    return {kind: [line for line in lines if line["type"] == kind]
            for kind in ("begin", "tick", "decision", "end")}  # fmt: skip


def edit(path, edited):
    """Change the text of a file by a function."""
    path.write_text(edited(path.read_text("utf-8")), "utf-8")


def loaded(line):
    """Return the dataset that a line of the command names, with what it says of each episode."""
    dataset = minari.load_dataset(line.partition(":")[0])
    return dataset, list(dataset.storage.get_episode_metadata(dataset.episode_indices))


# ---- Minari ----


@pytest.mark.parametrize("name", RUNS)
def test_a_dataset_gives_back_a_world_in_which_each_episode_happens_again(name, runs, exported):
    status, (line,), _ = exported(runs / name)
    dataset, about = loaded(line)
    assert status == 0
    assert dataset.total_episodes == len(list((runs / name / "episodes").glob("*.jsonl"))) > 1
    env = dataset.recover_environment()
    for episode, meta in zip(dataset, about, strict=True):
        observation, _ = env.reset(seed=meta["seed"], options=meta["options"])
        lived, outcomes = [observation], []
        for action in episode.actions:
            observation, *outcome, _, _ = env.step(action)
            lived.append(observation)
            outcomes.append(outcome)
        assert set(observation) == set(episode.observations)
        for sense, values in episode.observations.items():
            again = np.stack([one[sense] for one in lived])
            assert again.dtype == values.dtype
            np.testing.assert_array_equal(again, values)
        rewards, terminations = zip(*outcomes, strict=True)
        np.testing.assert_array_equal(rewards, episode.rewards)
        np.testing.assert_array_equal(terminations, episode.terminations)
        assert not (episode.terminations | episode.truncations)[:-1].any()
        assert episode.terminations[-1] or episode.truncations[-1]
    env.close()


@pytest.mark.parametrize("name", RUNS)
def test_a_dataset_holds_what_was_recorded(name, runs, exported):
    _, (line,), _ = exported(runs / name)
    dataset, about = loaded(line)
    world = read_run(runs / name).world
    for number, (episode, meta) in enumerate(zip(dataset, about, strict=True)):
        told = recorded(runs / name, number)
        ticks, (begin,), (end,) = told["tick"], told["begin"], told["end"]
        assert meta["mission"] == begin["mission"]
        assert (meta["run_episode"], meta["avatar"]) == (number, begin["avatar"])
        assert meta["outcome"] == end["outcome"]
        for sense in world.senses:
            assert len(episode.observations[sense]) == len(ticks) + 1
            values = rounded(episode.observations[sense][:-1])
            assert values == [tick["senses"][sense] for tick in ticks]
        names = [world.actions(action).name.lower() for action in episode.actions]
        assert names == [tick["action"] for tick in ticks]
        infos = episode.infos
        rewards = np.stack([infos["homeostatic_reward"], infos["mission_reward"]], axis=1)
        assert rounded(rewards) == [[0, 0], *(tick["reward"] for tick in ticks)]
        events = [json.loads(text) for text in infos["events"]]
        assert events == [[], *(tick.get("events", []) for tick in ticks)]
        assert all(event["tick"] == i for i, now in enumerate(events) for event in now)


def test_a_dataset_tells_what_was_meant_thought_said_and_felt(runs, exported):
    _, (line,), _ = exported(runs / "trip")
    dataset, _ = loaded(line)
    for number, episode in enumerate(dataset):
        told, infos = recorded(runs / "trip", number), episode.infos
        ticks = told["tick"]
        said = {one["tick"]: (one["thought"], one["speech"]) for one in told["decision"]}
        assert said
        for tick in range(len(ticks) + 1):
            thought, speech = said.get(tick, ("", ""))
            assert infos["thought"][tick].decode() == thought
            assert infos["speech"][tick].decode() == speech
        changes = {tick["tick"]: tick["intent"] for tick in ticks if "intent" in tick}
        intents = [text.decode() for text in infos["intent"]]
        assert [intents[tick] for tick in changes] == list(changes.values())
        assert len(set(intents[:-1])) == len(set(changes.values()) | {intents[0]})
        for name, needs in infos["needs"].items():
            assert needs[:-1].tolist() == [tick["feeling"]["needs"][name] for tick in ticks]
            assert np.isnan(needs[-1])
        assert infos["feeling"]["mood"][:-1].tolist() == [t["feeling"]["mood"] for t in ticks]


def test_a_reward_that_was_weighed_otherwise_is_the_one_that_the_world_gave(runs, exported):
    _, (line,), _ = exported(runs / "weighed")
    for episode in loaded(line)[0]:
        infos = episode.infos
        mixed = infos["mission_reward"] + 3.0 * infos["homeostatic_reward"]
        np.testing.assert_allclose(episode.rewards, mixed[1:], atol=1e-6)
        assert infos["homeostatic_reward"].any()


def test_a_dataset_that_is_there_already_is_left_as_it_is(runs, exported):
    _, (line,), _ = exported(runs / "weighed")
    status, _, (answer,) = exported(runs / "weighed")
    assert status == 2
    assert f"minari delete {line.partition(':')[0]}" in answer
    assert loaded(line)[0].total_episodes == 2


def test_half_a_dataset_is_taken_away(runs, exported, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("minari.dataset._storages.hdf5_storage.HDF5Storage.update_episodes", full)
    assert exported(runs / "weighed")[::2] == (2, ["No space left on device"])
    assert not list(tmp_path.rglob("*.hdf5"))


def test_a_run_in_a_folder_with_an_odd_name_gets_a_plain_one(runs, exported, tmp_path):
    odd = shutil.copytree(runs / "weighed", tmp_path / "ein Lauf" / "seed=1, ähm…/.." / "a=[b] é'")
    status, (line,), _ = exported(odd)
    assert status == 0
    assert line.startswith("groundrush/trip/ein-Lauf-a-b-é-v0: episodes 2, ticks ")
    assert loaded(line)[0].total_episodes == 2


def test_what_was_said_is_kept_as_far_as_a_file_can_hold_it(exported, tmp_path, runs):
    copy = shutil.copytree(runs / "trip", tmp_path / "copy")
    path = copy / "episodes" / "0000.jsonl"
    said = json.dumps(SAID)
    edit(path, lambda text: text.replace('"hm 0"', said).replace('"hm 1"', '"a\u2028b"'))
    _, (line,), _ = exported(copy)
    spoken = [text.decode() for text in loaded(line)[0][0].infos["speech"] if text]
    assert spoken[:2] == ["what \u2028 is\N{REPLACEMENT CHARACTER} that ?", "a\u2028b"]


def test_a_run_that_named_its_options_as_up_to_0_2_is_exported(copied, exported):
    def as_then(text):
        told = json.loads(text)
        env = told["config"]["env"]
        assert env.pop("autoreset_mode") == "Disabled"
        env |= {"autoreset": False, "id": env.pop("level_id")}
        return json.dumps(told)

    edit(copied / "run.json", as_then)
    status, (line,), _ = exported(copied)
    assert status == 0
    assert len(loaded(line)[1]) == 3


# ---- What is not exported ----


def test_only_finished_episodes_are_exported_and_it_is_said(copied, exported):
    killed = copied / "episodes" / "0001.jsonl"
    edit(killed, lambda text: text[: len(text) // 2])
    stopped = copied / "episodes" / "0002.jsonl"
    edit(stopped, lambda text: text.replace('"outcome":"failure"', '"outcome":"interrupted"'))
    status, (note, line), _ = exported(copied)
    assert status == 0
    assert note == f"note: episodes of {copied} that are not finished are left out: 2"
    assert [meta["run_episode"] for meta in loaded(line)[1]] == [0]


def test_a_run_of_which_nothing_was_finished_is_answered_in_a_line(copied, exported):
    shutil.rmtree(copied / "episodes")
    status, out, (answer,) = exported(copied)
    assert (status, out) == (2, [])
    assert answer == f"no episode of {copied} was finished, so there is nothing to export"


def test_a_run_in_a_world_of_ones_own_is_answered_in_a_line(copied, exported, monkeypatch):
    monkeypatch.setitem(spec._FOUND, "meadow", replace(TRIP, name="meadow"))
    edit(copied / "run.json", lambda text: text.replace('"world": "babyai"', '"world": "meadow"'))
    status, out, (answer,) = exported(copied)
    assert (status, out) == (2, [])
    assert answer == "only runs in trip, forage, babyai can be exported, got one in meadow"


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        ('"action":"right"', '"action":"left"', "differs from what was recorded"),
        ('"reward":[0.0,0.0]', '"reward":[0.0,0.5]', "tick 0: reward differs"),
        ('"outcome":"failure"', '"outcome":"success"', "the end differs"),
        ('"touch":[0.0', '"touch":[0.001', "tick 0: touch differs"),
        ('"touch":[0.0', '"touch":[NaN', "tick 0: touch differs"),
    ],
)
def test_a_record_of_another_life_is_refused(before, after, difference, copied, exported):
    path = copied / "episodes" / "0000.jsonl"
    edit(path, lambda text: text.replace(before, after, 1))
    status, out, err = exported(copied)
    assert (status, out) == (2, [])
    assert difference in err[-1]
    assert "episode 0, tick " in err[-1]


def test_an_event_that_never_happened_is_noticed(runs, exported, tmp_path):
    copy = shutil.copytree(runs / "babyai", tmp_path / "copy")
    path = copy / "episodes" / "0003.jsonl"
    edit(path, lambda text: text.replace('"kind":"', '"kind":"not_', 1))
    status, _, (answer,) = exported(copy)
    assert status == 2
    assert "what happened differs from what was recorded" in answer


def test_an_episode_that_goes_on_after_its_end_is_noticed(copied, exported):
    path = copied / "episodes" / "0000.jsonl"
    *lines, end = path.read_text("utf-8").splitlines()
    last = json.loads(lines[-1])
    path.write_text("\n".join([*lines, json.dumps(last | {"tick": last["tick"] + 1}), end]))
    assert exported(copied)[0] == 2


@pytest.mark.parametrize(
    "edited",
    [
        lambda text: text.replace("{", "", 5),
        lambda text: text.replace('{"type":"tick"', "[" * 100_000 + '{"type":"tick"', 1),
        lambda text: text.replace('{"type":"tick"', '7\n{"type":"tick"', 1),
        lambda text: text.replace('{"type":"tick"', '{"type":"tock"', 1),
        lambda text: text.replace('"tick":1,', '"tick":1000000000000,', 1),
        lambda text: text.replace('"action":"', '"action":"un', 1),
        lambda text: text.replace('"touch":[0.0,', '"touch":[', 1),
        lambda text: text.replace('"touch":[0.0', '"touch":["a"', 1),
        lambda text: text.replace('"reward":[', '"reward":[[],', 1),
        lambda text: text.replace('"episode":0', '"episode":-1', 1),
        lambda text: text.replace('"episode":0', '"episode":1', 1),
        lambda text: text.replace('"avatar":0', '"avatar":1', 1),
        lambda text: "\udcff".join(text),
        lambda text: "\n".join(text.splitlines()[:1] + text.splitlines()[-1:]),
        lambda text: text.splitlines()[-1],
    ],
)
def test_a_damaged_episode_is_answered_in_a_line(edited, copied, exported):
    path = copied / "episodes" / "0000.jsonl"
    path.write_bytes(edited(path.read_text("utf-8")).encode("utf-8", "surrogateescape"))
    status, out, (answer,) = exported(copied)
    assert (status, out) == (2, [])
    assert answer.startswith(f"{path} is damaged (")


@pytest.mark.parametrize(
    ("before", "after", "wrong"),
    [
        ("{", "", "is damaged"),
        ('"world": "babyai"', '"world": "moon"', "is damaged"),
        ('"world": "babyai"', '"world": "trip"', "is damaged"),
        ('"avatars": 1', '"avatars": 0', "nobody lived 0 at once"),
        ('"avatars": 1', '"avatars": "many"', "is damaged"),
        ('"envs.babyai.env.BabyAIVectorEnv"', '"os.system"', "expected a world made by"),
        ('"env": {', '"env": {"lenght": 4,', "unexpected keyword argument 'lenght'"),
        ("MiniGrid-Dynamic", "MiniGrid-Dyna", "level_id must be a"),
        ("MiniGrid-Dynamic-Obstacles-6x6-v0", "os:MiniGrid-v0", "level_id must be a"),
        ('"config"', '"c"', "is damaged (it has no 'config')"),
    ],
)
def test_a_damaged_run_is_answered_in_a_line(before, after, wrong, copied, exported):
    edit(copied / "run.json", lambda text: text.replace(before, after, 1))
    status, out, (answer,) = exported(copied)
    assert (status, out) == (2, [])
    assert answer.startswith(str(copied / "run.json"))
    assert wrong in answer


def test_a_folder_without_a_run_does_not_keep_the_others_from_their_turn(exported, runs, tmp_path):
    sweep = tmp_path / "sweep"
    sweep.mkdir()
    (sweep / "sweep.json").write_text("{}")
    status, (line,), (nowhere, many) = exported(tmp_path / "nowhere", sweep, runs / "weighed")
    assert status == 2
    assert nowhere.startswith("expected the folder of a run, with a run.json in it, got ")
    assert many == f"{sweep} is a sweep; give the folders of its jobs: {sweep}/*/"
    assert loaded(line)[0].total_episodes == 2


@pytest.mark.parametrize(
    ("to", "missing", "extra"), [("minari", "h5py", "data"), ("rerun", "rerun", "rerun")]
)
def test_what_is_not_installed_is_named(to, missing, extra, runs, exported, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    status, out, (answer,) = exported(runs / "weighed", "--to", to)
    assert (status, out) == (2, [])
    assert answer.endswith(f"pip install -e '.[{extra}]'")


# ---- Rerun ----


@pytest.fixture(scope="module")
def recordings(runs, tmp_path_factory):
    """Return what each entity of a recording holds, by run; of an episode of each."""
    chunks = pytest.importorskip("rerun.chunk", reason="no rerun here: pip install -e '.[rerun]'")
    home, found = tmp_path_factory.mktemp("recordings"), {}
    for name, number in (("trip", 0), ("weighed", 1), ("babyai", 3)):
        episodes = Path(name, "episodes")
        (home / episodes).mkdir(parents=True)
        for kept in (Path(name, "run.json"), episodes / f"{number:04d}.jsonl"):
            shutil.copy(runs / kept, home / kept)
        (path,) = export.export(home / name, export.writer("rerun"))
        assert path == str(home / episodes / f"{number:04d}.rrd")
        found[name] = entities(chunks.RrdReader(path)), recorded(home / name, number)
    return found


def entities(reader):
    """Return what each entity of a recording holds: its times, and its columns by plain names."""
    found = {}
    for chunk in reader.stream().to_chunks():
        batch, entity = chunk.to_record_batch(), found.setdefault(chunk.entity_path, {})
        for name in set(batch.schema.names) - {"rerun.controls.RowId"}:
            entity[name.rpartition(":")[2]] = batch.column(name).to_pylist()
    return found


def words(entity):
    """Return the texts of an entity by tick."""
    return {tick: text for (text,), tick in zip(entity["text"], entity["tick"], strict=True)}


def test_a_recording_holds_what_was_sensed_and_felt(recordings):
    found, told = recordings["trip"]
    ticks = told["tick"]
    for sense, names in TRIP.senses.items():
        curve = found[f"/senses/{sense}"]
        assert curve["names"] == [list(names)]
        assert rounded(curve["scalars"][:-1]) == [tick["senses"][sense] for tick in ticks]
        assert curve["tick"] == list(range(len(ticks) + 1))
    for entity, of in (("/needs", lambda felt: felt["needs"]), ("/feeling", lambda felt: felt)):
        (names,), scalars = found[entity]["names"], found[entity]["scalars"]
        felt = [of(tick["feeling"]) for tick in ticks]
        assert scalars == [[now[name] for name in names] for now in felt]
    assert rounded(found["/reward"]["scalars"]) == [tick["reward"] for tick in ticks]
    assert found["/reward"]["tick"] == list(range(1, len(ticks) + 1))


def test_a_recording_tells_what_was_meant_and_said_when_it_was(recordings):
    found, told = recordings["trip"]
    for name in ("thought", "speech"):
        said = {one["tick"]: one[name] for one in told["decision"] if one[name]}
        assert words(found[f"/{name}"]) == said != {}
    changes = {tick["tick"]: tick["intent"] for tick in told["tick"] if "intent" in tick}
    assert words(found["/intent"]) == changes


@pytest.mark.parametrize("name", ["weighed", "babyai"])
def test_a_recording_tells_what_happened_when_it_did(name, recordings):
    found, told = recordings[name]
    events = [event for tick in told["tick"] for event in tick.get("events", [])]
    happened = words(found["/events"])
    assert set(happened) == {event["tick"] for event in events} > set()
    assert all(event["kind"].replace("_", " ") in happened[event["tick"]] for event in events)
    (end,) = told["end"]
    assert words(found["/outcome"]) == {end["ticks"]: end["outcome"]}


def test_a_recording_shows_the_world_at_each_tick(recordings):
    found, told = recordings["weighed"]
    world = found["/world"]
    assert world["tick"] == list(range(len(told["tick"]) + 1))
    pictures = [bytes(blob) for (blob,) in world["blob"]]
    assert {Image.open(io.BytesIO(picture)).size for picture in pictures} == {(480, 288)}
    assert pictures[0] != pictures[-1]


def test_only_a_world_that_has_seconds_is_shown_in_seconds(recordings):
    seconds = [time.total_seconds() for time in recordings["trip"][0]["/world"]["time"]]
    assert seconds[:3] == [0.0, 0.1, 0.2]
    assert "time" not in recordings["babyai"][0]["/world"]


def test_a_recording_of_one_who_feels_nothing_has_no_needs(recordings):
    assert "/needs" not in recordings["babyai"][0]


def test_a_recording_that_cannot_be_written_is_answered_in_a_line(copied, exported, recordings):
    (copied / "episodes" / ".0000.rrd.draft").mkdir()
    status, out, (answer,) = exported(copied, "--to", "rerun")
    assert (status, out) == (2, [])
    assert ".0000.rrd.draft" in answer
