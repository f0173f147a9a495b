"""A made-up OpenAI-compatible server that can be told to fail, in every way servers do."""

import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.serving import running

GOOD = "<think>so</think><answer>look around, normal</answer><say>hm</say>"
STREAM_PIECES = 2000  # of a stream that would never end, had nobody hung up


class FaultyServer(ThreadingHTTPServer):
    """Answers each request well, or by the fault when its turn has come.

    Args:
        fault: Writes something else to the handler; None never fails.
        is_due: Whether the fault has its turn at the request of this number, from 1.
        text: What good replies say.
    """

    daemon_threads = True

    def __init__(self, fault, is_due, text: str = GOOD):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fault, self.is_due, self.text = fault, is_due, text
        self.requests = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        with self.server.lock:
            self.server.requests += 1
            number = self.server.requests
        with suppress(ConnectionError):  # of those who would not wait any longer
            if self.server.fault and self.server.is_due(number):
                self.server.fault(self)
            else:
                self.send(200, completion(self.server.text))

    def send(self, status: int, content: bytes, *, length: int | None = None, **headers) -> None:
        """Send an answer; its length may be a lie, after which the connection ends."""
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = length is not None or self.close_connection

    def log_message(self, format, *args) -> None:
        pass


def completion(text: str | None) -> bytes:
    """Return a chat completion as servers send it."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return json.dumps({"object": "chat.completion", "choices": [choice]}).encode()


def serving(
    fault=None, is_due: Callable[[int], bool] = lambda number: True, text: str = GOOD
) -> AbstractContextManager[FaultyServer]:
    """Serve until the block ends."""
    return running(FaultyServer(fault, is_due, text))


# ---- The faults ----


def slow(handler) -> None:
    handler.server.closing.wait(5)


def cut_off(handler) -> None:
    content = completion(GOOD)
    handler.send(200, content[: len(content) // 2], length=len(content))


def hung_up(handler) -> None:
    handler.close_connection = True


def busy(handler) -> None:
    handler.send(429, b'{"error": {"message": "busy"}}')


def busy_for_a_while(handler) -> None:
    handler.send(429, b'{"error": {"message": "busy"}}', retry_after="1")


def broken(handler) -> None:
    handler.send(500, b"<html>oh</html>")


def no_json(handler) -> None:
    handler.send(200, b"\x00\xff{" * 50)


def another_shape(handler) -> None:
    handler.send(200, b'{"choices": {"message": [1, 2]}}')


def content_null(handler) -> None:
    handler.send(200, completion(None))


def a_megabyte(handler) -> None:
    handler.send(200, completion("<think>" + "so " * 350_000))


def without_end(handler) -> None:
    handler.send(200, b"", length=10**12)
    for _ in range(STREAM_PIECES):
        if handler.server.closing.wait(0.005):
            return
        handler.wfile.write(b" " * 1000)


FAULTS = (slow, cut_off, hung_up, busy, broken, no_json, another_shape, content_null, a_megabyte,
          without_end)  # fmt: skip
