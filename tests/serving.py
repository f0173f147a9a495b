"""A server of a test's own, in a thread, for as long as a block lasts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running(server) -> Iterator:
    """Serve until the block ends; `server.closing` is set first, for those who wait in a reply."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
