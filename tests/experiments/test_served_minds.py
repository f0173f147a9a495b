"""Whole runs whose mind is behind a server: a real one, and one that fails in every way."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import faults
import hostile
import pytest

from experiments import run
from tests.mind.test_lm_openai import refusal, reply, serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NANO = ROOT / "mind" / "pretrained" / "nano"
TRIP = ("+env=trip", "render=none", "level=2", "body=scripted", "episodes=1", "seed=4")


@pytest.fixture
def live(tmp_path, monkeypatch, capfd):
    """Return a function that runs the command and returns its folder and what it printed.

    Its exit status is 1 where no reply could be used.
    """
    monkeypatch.chdir(tmp_path)

    def live(name, *overrides):
        folder = tmp_path / name
        monkeypatch.setattr(sys, "argv", ["run", *TRIP, *overrides, f"hydra.run.dir={folder}"])
        with suppress(SystemExit):
            run.main()
        said = capfd.readouterr()
        return folder, said.out + said.err

    return live


def served(url, *, model="tiny", timeout_s=5.0, retries=0):
    return ("mind/language_model=openai", f"mind.language_model.model={model}",
            f"mind.language_model.base_url={url}", f"mind.language_model.timeout_s={timeout_s}",
            f"mind.language_model.retries={retries}",
            "+mind.language_model.backoff_s=0.001")  # fmt: skip


def replayed(folder):
    return ("mind/language_model=replay", f"mind.language_model.path={folder}")


def summary(folder):
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def story(folder, kind, episode=0):
    path = folder / "episodes" / f"{episode:04d}.jsonl"
    # Not splitlines: it also ends lines at separators that may stand inside a JSON string.
    lines = [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
    return [line for line in lines if line["type"] == kind]


def assert_same_bytes(one, two):
    files = sorted(path.name for path in (one / "episodes").glob("*.jsonl"))
    assert files == sorted(path.name for path in (two / "episodes").glob("*.jsonl"))
    for name in files:
        assert (one / "episodes" / name).read_bytes() == (two / "episodes" / name).read_bytes()


def assert_all_is_kept(folder):
    """Every tick is recorded, and the summary counts what the decisions say."""
    record = summary(folder)
    assert record["status"] == "finished"
    (episode,) = record["episodes"]
    ticks, decisions = story(folder, "tick"), story(folder, "decision")
    assert [tick["tick"] for tick in ticks] == list(range(episode["ticks"]))
    assert episode["decisions"] == len(decisions)
    assert episode["safe_decisions"] == sum(decision["safe"] for decision in decisions)
    return episode, decisions


# ---- Faults ----


def two_of_four(number):
    """Two attempts in a row make a decision safe; the two after them are good."""
    return number % 4 in (1, 2)


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.__name__)
def test_an_avatar_lives_on_with_a_server_that_fails_half_of_the_time(live, fault):
    begun = time.monotonic()
    with faults.serving(fault, two_of_four) as server:
        folder, _ = live("run", *served(server.url, timeout_s=0.15))
    assert time.monotonic() - begun < 60
    episode, decisions = assert_all_is_kept(folder)
    assert 0 < episode["safe_decisions"] < episode["decisions"]
    assert {decision["attempts"] for decision in decisions} == {1, 2}
    assert all(decision["attempts"] == 2 for decision in decisions if decision["safe"])
    again, _ = live("again", *replayed(folder))
    assert_same_bytes(folder, again)


def test_a_server_that_goes_away_in_the_middle_leaves_the_avatar_to_live_on(live):
    def go_away(handler):
        handler.server.socket.close()  # whoever connects from now on is refused
        handler.close_connection = True

    with faults.serving(go_away, lambda number: number == 3) as server:
        folder, _ = live("run", *served(server.url))
    episode, decisions = assert_all_is_kept(folder)
    assert [decision["safe"] for decision in decisions[:3]] == [False, False, True]
    assert episode["safe_decisions"] == len(decisions) - 2


def test_a_server_that_asks_to_be_left_alone_is_left_alone(live):
    begun = time.monotonic()
    once = faults.serving(faults.busy_for_a_while, lambda number: number == 1)
    with once as server:
        folder, _ = live("run", *served(server.url, retries=1))
    assert time.monotonic() - begun > 1
    assert assert_all_is_kept(folder)[0]["safe_decisions"] == 0


def test_a_server_with_manners_of_its_own_is_lived_with_and_played_back(live):
    """It knows no system role, no logprobs and no `max_tokens`, and its model thinks by itself."""
    said = (
        ("system", 500, "jinja exception: System role not supported"),
        ("logprobs", 403, "You are not allowed to request logprobs from this model"),
        ("max_tokens", 400, "max_tokens is not supported, use max_completion_tokens"),
    )
    thought = "I reply as <think>why</think><answer>wait, normal</answer><say>x</say>."

    def answer(server, body, number):
        roles = {message["role"] for message in body["messages"]}
        for name, status, message in said:
            if name in roles | body.keys():
                return refusal(status, message)
        content = reply(f"{thought}</think>{faults.GOOD}", usage=None, logprobs=None)
        details = {"completion_tokens_details": {"reasoning_tokens": 50}}
        usage = {"prompt_tokens": 100, "completion_tokens": 60, **details}
        return 200, content | {"usage": usage, "model": "tiny-2026", "provider": "Host"}

    prices = ("mind.language_model.prompt_price=10", "mind.language_model.completion_price=100")
    with serving(answer) as server, pytest.warns(UserWarning, match="refuses"):
        folder, printed = live("run", *served(server.url), *prices)
    episode, decisions = assert_all_is_kept(folder)
    assert episode["safe_decisions"] == 0
    assert {decision["thought"] for decision in decisions} == {"so"}
    assert episode["thinking_tokens"] == 50 * len(decisions)
    assert episode["cost"] == pytest.approx(0.007 * len(decisions))
    assert "0.0070" in printed.split() or len(decisions) > 1
    assert "cost" in printed.split()
    asked = [exchange for tick in story(folder, "tick") for exchange in tick.get("exchanges", ())]
    assert {(one["model"], one["provider"]) for one in asked} == {("tiny-2026", "Host")}
    again, _ = live("again", *replayed(folder))
    assert_same_bytes(folder, again)


# ---- Text that would like to be more than words ----


@pytest.mark.parametrize("text", hostile.TEXTS, ids=range(len(hostile.TEXTS)))
def test_hostile_replies_change_nothing_but_words(live, tmp_path, text):
    reply = f"<think>{text}</think><answer>look around, normal</answer><say>{text}</say>"
    with faults.serving(text=reply) as server:
        folder, printed = live("run", *served(server.url))
    _, decisions = assert_all_is_kept(folder)
    assert {decision["intent"] for decision in decisions} <= {"wait, normal", "look around, normal"}
    assert not any(c in printed for c in hostile.STEERS)
    assert "<script>alert" not in (folder / "replay.html").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"run"}
    again, _ = live("again", *replayed(folder))
    assert_same_bytes(folder, again)


# ---- A real server ----


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """Return the folder of a small Llama that never learned anything, with a chat template."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("stranger")
    tokenizer = AutoTokenizer.from_pretrained(NANO)
    assert tokenizer.chat_template
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=2048, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@contextmanager
def transformers_serve(model, cache):
    cache.mkdir(exist_ok=True)  # the server's list of models fails without it
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    with (cache / "log").open("w") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("transformers"), "serve", str(model),
             "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"],
            env=os.environ | quiet, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _wait_until_healthy(port, process, cache / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(20)


def _wait_until_healthy(port, process, log, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the server did not start: {log.read_text()[-2000:]}")


@pytest.mark.skipif(not find_spec("fastapi"), reason="needs the extra serve")
@pytest.mark.parametrize("which", ["nano", "stranger"])
def test_a_run_with_transformers_serve_is_played_back_to_the_byte(live, tmp_path, stranger, which):
    model = NANO if which == "nano" else stranger
    limit = ("level=0",)
    with transformers_serve(model, tmp_path / "cache") as url:
        settings = ("mind.language_model.max_new_tokens=48", "mind.language_model.temperature=0.0")
        asked = served(url, model=str(model), timeout_s=60.0)
        folder, _ = live("run", *limit, *asked, *settings)
    episode, _ = assert_all_is_kept(folder)
    assert episode["tokens"] > 0
    if which == "stranger":
        assert episode["safe_decisions"] == episode["decisions"]
    else:
        assert episode["safe_decisions"] < episode["decisions"]
    again, _ = live("again", *limit, *replayed(folder))
    assert_same_bytes(folder, again)
