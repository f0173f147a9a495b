"""OpenAIModel, against a real HTTP server on the loopback interface."""

import asyncio
import json
import math
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import numpy as np
import openai
import pytest

from mind.language_models.batching import Batcher
from mind.language_models.openai_model import OpenAIModel
from mind.language_models.types import (
    FELT,
    BadReply,
    CannotEmbed,
    CannotScore,
    Completion,
    Finish,
    PartlyAnswered,
    Prompt,
    Refused,
    TimedOut,
    Unreachable,
)
from tests.serving import running


class Server(ThreadingHTTPServer):
    """Answers with what a test's function makes of each request; keeps the requests."""

    daemon_threads = True

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.requests = []
        self.under_way = self.most_under_way = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with server.lock:
            server.requests.append(
                {"path": self.path, "authorization": self.headers["authorization"], **body}
            )
            number = len(server.requests)
            server.under_way += 1
            server.most_under_way = max(server.most_under_way, server.under_way)
        status, content, *headers = server.answer(server, body, number)
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        with server.lock:
            server.under_way -= 1
        with suppress(ConnectionError):  # of those who would not wait any longer
            self.send(status, content, headers)

    def send(self, status, content, headers):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *args):
        pass


def serving(answer):
    return running(Server(answer))


def reply(
    text: str | None = "go", *, finish="stop", usage=(11, 3), logprobs=(-0.5, -1.5), **message
):
    """A chat completion as servers send it, without the parts that are None."""
    choice = {"index": 0, "finish_reason": finish}
    choice["message"] = {"role": "assistant", "content": text, **message}
    if logprobs is not None:
        choice["logprobs"] = {"content": [{"token": "t", "logprob": p} for p in logprobs]}
    body = {"id": "1", "object": "chat.completion", "choices": [choice]}
    if usage is not None:
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return body


def always(*answer):
    return lambda server, body, number: answer


def one_after_the_other(*answers):
    return lambda server, body, number: answers[min(number, len(answers)) - 1]


def refusal(status, message, **more):
    return status, {"error": {"message": message, **more}}


def make(server, **settings):
    url = server if isinstance(server, str) else server.url
    return OpenAIModel(**{"model": "tiny", "base_url": url, "backoff_s": 0.001, **settings})


def ask(model, texts=("where to?",), seeds=None):
    async def run():
        try:
            prompts = [Prompt.single_turn(system="You are a body.", user=text) for text in texts]
            return await model.generate(prompts, seeds=seeds or range(len(texts)))
        finally:
            await model.close()

    return asyncio.run(run())


def test_a_reply_comes_with_its_tokens_and_its_log_probability(monkeypatch):
    monkeypatch.setenv("A_KEY", "secret")
    with serving(always(200, reply("<answer>wait</answer>"))) as server:
        model = make(server, api_key_variable="A_KEY", temperature=0.3, max_new_tokens=17)
        completion = ask(model, seeds=[2**31 + 5])[0]
    assert completion.text == "<answer>wait</answer>"
    assert (completion.prompt_tokens, completion.tokens) == (11, 3)
    assert completion.finish is Finish.STOP
    assert completion.log_probability == -1.0
    assert 0 < completion.latency_s < 5
    (request,) = server.requests
    assert request["path"] == "/v1/chat/completions"
    assert request["authorization"] == "Bearer secret"
    assert request["messages"] == [
        {"role": "system", "content": "You are a body."},
        {"role": "user", "content": "where to?"},
    ]
    assert (request["model"], request["temperature"], request["max_tokens"]) == ("tiny", 0.3, 17)
    assert (request["seed"], request["logprobs"]) == (5, True)


def test_a_server_reads_the_words_alone_of_what_is_also_felt():
    soft_tokens = Prompt.single_turn(
        user=f"now: {FELT}\nwhy?", soft_tokens=(np.zeros((3, 64), np.float32),)
    )
    with serving(always(200, reply("left"))) as server:
        model = make(server)

        async def run():
            await model.generate([soft_tokens], seeds=[0])
            await model.close()

        asyncio.run(run())
    assert not model.takes_soft_tokens
    assert server.requests[0]["messages"] == [{"role": "user", "content": "now: \nwhy?"}]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (reply("12345678", usage=None), (6, 2, -1.0, Finish.STOP)),
        (reply("12345678", usage=None, logprobs=None), (6, 2, math.nan, Finish.STOP)),
        (reply("1", usage=("many", -4)), (6, 2, -1.0, Finish.STOP)),
        (reply("1", finish="length"), (11, 3, -1.0, Finish.LENGTH)),
        (reply(None, finish="content_filter"), (11, 3, -1.0, Finish.WITHHELD)),
        (reply("1", finish="eos_token"), (11, 3, -1.0, Finish.STOP)),
    ],
)
def test_what_a_server_leaves_out_is_estimated_or_unknown(body, expected):
    with serving(always(200, body)) as server:
        completion = ask(make(server))[0]
    came = (completion.prompt_tokens, completion.tokens, completion.log_probability)
    assert (*came, completion.finish) == pytest.approx(expected, nan_ok=True)


def test_a_reply_is_cut_after_the_first_stop_string_which_stays():
    text = "<answer>wait</answer> <answer>run</answer>"
    with serving(always(200, reply(text, finish="length"))) as server:
        completion = ask(make(server, stop=["</answer>", "never"]))[0]
    assert completion.text == "<answer>wait</answer>"
    assert completion.finish is Finish.STOP
    assert "stop" not in server.requests[0]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_a_failure_that_may_pass_is_tried_again(status):
    with serving(one_after_the_other(refusal(status, "busy"), (200, reply("fine")))) as server:
        assert ask(make(server))[0].text == "fine"
    assert len(server.requests) == 2


def test_a_failure_that_stays_is_reported_after_the_last_retry():
    with (
        serving(always(*refusal(503, "still\nloading"))) as server,
        pytest.raises(BadReply, match="must send a usable reply, got none in 3 attempts") as info,
    ):
        ask(make(server, retries=2))
    assert len(server.requests) == 3
    assert "still loading" in str(info.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        b"{broken",
        b"\xff\xfe",
        b"",
        b"[1]",
        b'"words"',
        b"{}",
        b'{"choices": []}',
        b'{"choices": 3}',
        b'{"choices": [3]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": 3}}]}',
    ],
)
def test_a_damaged_reply_is_tried_again_and_then_reported_in_one_line(content):
    with serving(one_after_the_other((200, content), (200, reply("fine")))) as server:
        assert ask(make(server))[0].text == "fine"
    with serving(always(200, content)) as server, pytest.raises(BadReply) as info:
        ask(make(server, retries=1))
    assert len(server.requests) == 2
    assert "got none in 2 attempts" in str(info.value)
    assert "\n" not in str(info.value)


def test_an_error_with_the_status_of_a_success_is_quoted():
    content = {"error": {"message": "Provider\nreturned error", "code": 502}}
    with serving(always(200, content)) as server, pytest.raises(BadReply) as info:
        ask(make(server, retries=0))
    assert "got none in 1 attempts (Provider returned error)" in str(info.value)


def test_a_server_that_is_too_slow_is_given_up_in_time():
    def slow(server, body, number):
        server.closing.wait(5)
        return 200, reply()

    with serving(slow) as server:
        begun = time.perf_counter()
        with pytest.raises(TimedOut, match=r"answer within 0\.1 s, got nothing in 2 attempts"):
            ask(make(server, timeout_s=0.1, retries=1))
        assert time.perf_counter() - begun < 2
    assert len(server.requests) == 2


def test_a_server_that_sends_byte_after_byte_is_given_up_in_time_too():
    async def trickle(reader, writer):
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.02)

    async def run():
        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        model = make(f"http://127.0.0.1:{port}/v1", timeout_s=0.2, retries=0)
        try:
            async with asyncio.timeout(3):
                await model.generate([Prompt.single_turn(user="?")], seeds=[0])
        finally:
            await model.close()
            server.close()

    with pytest.raises(TimedOut, match=r"answer within 0\.2 s"):
        asyncio.run(run())


def test_a_server_that_is_down_is_reported_in_one_line():
    with serving(always(200, reply())) as server:
        url = server.url
    with pytest.raises(Unreachable) as info:
        ask(make(url, retries=1))
    message = str(info.value)
    assert f"server at {url} must be running, got no connection in 2 attempts" in message
    assert "start it or correct base_url" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("status", "key", "said"),
    [
        (401, "sk-wrong", "got status 401 for the one in the environment variable A_KEY"),
        (403, "sk-wrong", "got status 403 for the one in the environment variable A_KEY"),
        (401, "", "got status 401 for none: set the environment variable A_KEY"),
    ],
)
def test_a_key_that_is_refused_is_named_but_never_shown(monkeypatch, status, key, said):
    monkeypatch.setenv("A_KEY", key)
    with (
        serving(always(*refusal(status, f"wrong key {key}"))) as server,
        pytest.raises(Refused) as info,
    ):
        ask(make(server, api_key_variable="A_KEY"))
    assert said in str(info.value)
    assert "sk-" not in str(info.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (404, "no model 'tiny'\nhere", "must know the model 'tiny', got status 404"),
        (400, "too long a prompt", "must accept the request, got .* too long a prompt"),
    ],
)
def test_a_request_that_is_refused_is_not_tried_again(status, message, said):
    with serving(always(*refusal(status, message))) as server, pytest.raises(Refused) as info:
        ask(make(server))
    assert len(server.requests) == 1
    assert "\n" not in str(info.value)
    with pytest.raises(Refused, match=said):
        raise info.value


def test_a_quota_that_is_used_up_is_not_waited_for():
    used_up = refusal(429, "no credit left", code="insufficient_quota")
    with serving(always(*used_up)) as server, pytest.raises(Refused, match="no credit left"):
        ask(make(server))
    assert len(server.requests) == 1


def test_a_server_is_asked_without_the_settings_that_it_refuses():
    def picky(server, body, number):
        for name in ("logprobs", "seed", "max_tokens"):
            if name in body:
                return refusal(400, f"{name} is not supported", param=name)
        return 200, reply("fine", logprobs=None)

    async def run():
        model = make(server, retries=0, concurrency=1)
        prompts = [Prompt.single_turn(user="one"), Prompt.single_turn(user="two")]
        completions = await model.generate(prompts, seeds=[1, 2])
        await model.close()
        return completions

    with serving(picky) as server:
        assert [completion.text for completion in asyncio.run(run())] == ["fine", "fine"]
    assert server.requests[-1]["max_completion_tokens"] == 256
    assert sum("logprobs" in request for request in server.requests) <= 2


def test_requests_side_by_side_may_all_learn_what_the_server_refuses():
    def picky(server, body, number):
        if "logprobs" in body:
            time.sleep(0.02)
            return refusal(422, "logprobs: extra fields are not permitted")
        return 200, reply("fine", logprobs=None)

    with serving(picky) as server:
        completions = ask(make(server, retries=0), texts=[str(n) for n in range(6)])
    assert [completion.text for completion in completions] == ["fine"] * 6
    assert server.most_under_way > 1


def test_no_more_requests_are_under_way_than_allowed_and_replies_keep_their_order():
    def echo(server, body, number):
        time.sleep(0.02)
        return 200, reply(body["messages"][-1]["content"].upper())

    texts = [f"prompt {number}" for number in range(9)]
    with serving(echo) as server:
        completions = ask(make(server, concurrency=3), texts=texts)
    assert [completion.text for completion in completions] == [text.upper() for text in texts]
    assert server.most_under_way == 3


def test_one_prompt_without_a_reply_leaves_the_others_theirs():
    def moody(server, body, number):
        text = body["messages"][-1]["content"]
        return refusal(400, "no") if text == "bad" else (200, reply(text))

    with serving(moody) as server, pytest.raises(PartlyAnswered) as info:
        ask(make(server), texts=["good", "bad", "better"])
    good, bad, better = info.value.outcomes
    assert isinstance(good, Completion)
    assert isinstance(better, Completion)
    assert (good.text, better.text) == ("good", "better")
    assert isinstance(bad, Refused)


def test_a_slow_reply_does_not_hold_up_those_who_ask_later():
    def answer(server, body, number):
        if body["messages"][-1]["content"] == "slow":
            server.closing.wait(0.3)
        return 200, reply(body["messages"][-1]["content"])

    async def run():
        model = make(server)
        batcher = Batcher(model)
        order = []

        async def avatar(text):
            order.append((await batcher.generate(Prompt.single_turn(user=text), seed=0)).text)

        slow = asyncio.create_task(avatar("slow"))
        await asyncio.sleep(0.05)
        await avatar("quick")
        await slow
        await model.close()
        return order

    with serving(answer) as server:
        assert asyncio.run(run()) == ["quick", "slow"]


def test_waits_between_attempts_double_and_their_jitter_comes_from_the_seed():
    model = make("http://127.0.0.1:9/v1", backoff_s=1.0)

    def waits(seed):
        return [model._wait_s(BadReply("no"), tried, seed) for tried in (1, 2, 3, 99)]

    assert waits(1) == waits(1) != waits(2)
    for seconds, longest in zip(waits(1), (1, 2, 4, 30), strict=True):
        assert longest / 2 <= seconds <= longest


@pytest.mark.parametrize(("wish", "seconds"), [("7", 7.0), ("9999", 30.0), ("tomorrow", 0.0)])
def test_a_server_that_says_when_to_come_back_is_heeded_within_reason(wish, seconds):
    request = httpx2.Request("POST", "http://127.0.0.1:9/v1")
    response = httpx2.Response(429, headers={"retry-after": wish}, request=request)
    error = openai.RateLimitError("busy", response=response, body=None)
    assert make("http://127.0.0.1:9/v1", backoff_s=0)._wait_s(error, 1, 0) == seconds


def embed(server, texts, **settings):
    async def run():
        model = make(server, **settings)
        try:
            return await model.embed(texts)
        finally:
            await model.close()

    return asyncio.run(run())


def test_embeddings_have_length_one_and_an_empty_text_none_at_all():
    def answer(server, body, number):
        return 200, {"data": [{"embedding": [len(text), 0.0, 2.0]} for text in body["input"]]}

    with serving(answer) as server:
        vectors = embed(server, ["a", "", "abc"], embedding_model="vectors")
        assert embed(server, [""], embedding_model="vectors").shape == (1, 0)
    assert server.requests[0]["input"] == ["a", "abc"]
    assert server.requests[0]["model"] == "vectors"
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[0], np.array([1, 0, 2]) / math.sqrt(5), atol=1e-6)
    assert not vectors[1].any()
    np.testing.assert_allclose(vectors[2], np.array([3, 0, 2]) / math.sqrt(13), atol=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        [{"embedding": [1.0]}],
        [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}],
        [{"embedding": {}}, {"embedding": {}}],
        [{}, {}],
    ],
)
def test_damaged_embeddings_are_refused(data):
    with serving(always(200, {"data": data})) as server, pytest.raises(BadReply):
        embed(server, ["a", "b"], embedding_model="vectors", retries=0)


def test_what_a_server_cannot_do_is_said_in_one_line():
    model = make("http://127.0.0.1:9/v1")
    with pytest.raises(CannotEmbed, match="set embedding_model"):
        asyncio.run(model.embed(["a"]))
    with pytest.raises(CannotScore, match="score needs a model with probabilities"):
        asyncio.run(model.score(Prompt.single_turn(user="?"), ["a"]))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"base_url": "localhost:8000/v1"}, "base_url must start with http:// or https://"),
        ({"temperature": -0.1}, "temperature must be at least 0, got -0.1"),
        ({"concurrency": 0}, "concurrency must be at least 1, got 0"),
        ({"timeout_s": 0}, "timeout_s must be at least 0.001, got 0"),
        ({"retries": -1}, "retries must be at least 0, got -1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        make("http://127.0.0.1:9/v1", **settings)
