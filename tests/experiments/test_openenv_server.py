"""The server of lives, beside the real OpenEnv package; and who may ask it."""

# ruff: noqa: E402
# pyright: reportMissingImports=false

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from experiments.interfaces.lives import LifeFactory

pytest.importorskip("openenv", reason="openenv is not installed")
uvicorn = pytest.importorskip("uvicorn")

from fastapi import WebSocketDisconnect
from fastapi.testclient import TestClient
from openenv.core.generic_client import GenericEnvClient
from websockets.sync.client import connect

from bench.measuring.serve import alone, session
from experiments.interfaces.openenv_server import app_of

WAIT = {"text": "<answer>wait, normal</answer>"}


@pytest.fixture(scope="module")
def factory():
    return LifeFactory.for_world("trip", "body=scripted", "level=0")


@contextmanager
def served(factory, **options):
    """A server in a thread of its own; yields its address."""
    app = app_of(factory, **({"sessions": 8, "idle_seconds": 60.0} | options))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def settled(number, within=10.0):
    """Return whether only so many lives are under way, soon."""
    until = time.monotonic() + within
    while lives_under_way() != number and time.monotonic() < until:
        time.sleep(0.05)
    return lives_under_way() == number


def lives_under_way():
    return sum(thread.name == "life" for thread in threading.enumerate())


@pytest.mark.slow
def test_sessions_side_by_side_are_told_what_they_are_told_alone(factory):
    async def all_at_once(address):
        return await asyncio.gather(*(session(address, seed, 30) for seed in range(6)))

    with served(factory) as address:
        told = asyncio.run(all_at_once(address))
    assert [one.digest for one in told] == [
        alone(factory, seed, 30).digest for seed in range(len(told))
    ]
    assert len({one.digest for one in told}) == len(told)
    assert settled(0)


@pytest.mark.slow
def test_a_client_that_vanishes_takes_its_life_with_it_and_makes_room(factory):
    with served(factory, sessions=1) as address:
        vanishing = connect(f"{address.replace('http', 'ws')}/ws")
        vanishing.send(json.dumps({"type": "reset", "data": {"seed": 1}}))
        vanishing.recv()
        assert lives_under_way() == 1
        vanishing.socket.shutdown(socket.SHUT_RDWR)  # without a word, as where a process was killed
        assert settled(0)
        with GenericEnvClient(base_url=address).sync() as other:
            assert not other.reset(seed=1).done


@pytest.mark.slow
def test_seed_split_and_index_are_obeyed_and_mistakes_are_told_in_a_line(factory):
    with served(factory) as address, GenericEnvClient(base_url=address).sync() as client:
        begins = {"seed": 4, "split": "test", "index": 2}
        told = client.reset(**begins, episode_id="mine").observation
        life = factory.make()
        assert told["text"] == life.reset(**begins).text
        life.close()
        assert [one["role"] for one in told["messages"]] == ["system", "user"]
        client.step(WAIT)
        assert client.state() == {"episode_id": "mine", "step_count": 1}
        with pytest.raises(RuntimeError, match="split must be train or test, got 'x'"):
            client.reset(split="x")
        with pytest.raises(RuntimeError, match=r"reset takes seed, index, .*, got spilt"):
            client.reset(spilt="test")
        with pytest.raises(RuntimeError, match="index must be a whole number"):
            client.reset(index=-1)
        with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
            client.step({"words": "of another kind"})
        assert not client.reset(**begins).done


@pytest.fixture
def client(factory):
    with TestClient(app_of(factory, sessions=2, idle_seconds=60.0)) as client:
        yield client


def test_tasks_are_rooms_by_number(client):
    assert [one["name"] for one in client.get("/trip/splits").json()] == ["train", "test"]
    asked = {"split": "test", "index": 7}
    task = client.post("/trip/task", json=asked).json()["task"]
    assert task == {"id": "test-7", **asked}
    assert client.post("/trip/num_tasks", json={"split": "test"}).json() == {"num_tasks": 2**31}
    some = client.post("/trip/task_range", json={"split": "train", "start": 3, "stop": 5}).json()
    assert [one["index"] for one in some["tasks"]] == [3, 4]
    assert len(client.post("/trip/tasks", json={"split": "train"}).json()["tasks"]) == 100
    for wrong in ({"split": "x", "index": 0}, {"split": "test", "index": -1}):
        assert client.post("/trip/task", json=wrong).status_code in (400, 422)


def test_mcp_offers_no_reset_and_no_step(client):
    for method in ("tools/list", "tools/call", "reset", "openenv/reset"):
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": "reset"}}
        assert "result" not in client.post("/mcp", json=asked).json()


def test_a_step_without_a_session_is_refused_in_a_line(client):
    answer = client.post("/step", json={"action": WAIT})
    assert answer.status_code == 422
    assert answer.json() == {"detail": "nothing was asked: reset the session first, over /ws"}


def test_who_bears_no_token_is_not_let_in(factory):
    app = app_of(factory, sessions=2, idle_seconds=60.0, token="open sesame")
    with TestClient(app) as client:
        for borne in (None, "Bearer", "Bearer open", "Basic open sesame"):
            headers = {"authorization": borne} if borne else {}
            assert client.get("/health", headers=headers).status_code == 401
            with pytest.raises(WebSocketDisconnect) as refused:
                client.websocket_connect("/ws", headers=headers).__enter__()
            assert refused.value.code == 1008
        headers = {"authorization": "Bearer open sesame"}
        assert client.get("/health", headers=headers).status_code == 200
        with client.websocket_connect("/ws", headers=headers) as socket:
            socket.send_text(json.dumps({"type": "reset", "data": {"seed": 3}}))
            assert socket.receive_json()["type"] == "observation"


@pytest.mark.slow
def test_the_command_serves_until_it_is_stopped():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["+env=trip", "level=0", "body=scripted", f"port={port}"]
    command = [sys.executable, "-m", "experiments.serve", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = f"http://127.0.0.1:{port}"
        assert any(address in line for line in iter(process.stdout.readline, ""))
        with GenericEnvClient(base_url=address).sync() as client:
            assert "mission:" in client.reset(seed=3).observation["text"]
        second = subprocess.run(command, capture_output=True, text=True)
        assert second.returncode == 2
        assert second.stderr.splitlines() == [
            f"cannot listen at 127.0.0.1, port {port} (Address already in use); "
            "choose another with port="
        ]
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert "Traceback" not in said
