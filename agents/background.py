"""Background: a thread in which minds think while bodies move."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """An event loop in a thread of its own."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = Thread(target=self._loop.run_forever, name="minds", daemon=True)
        self._thread.start()

    def start(self, coroutines: Sequence[Coroutine[Any, Any, T]]) -> list[Future[T]]:
        """Start coroutines in one pass of the event loop, and return what they will return."""
        futures: list[Future[T]] = [Future() for _ in coroutines]
        if coroutines:
            pairs = list(zip(coroutines, futures, strict=True))
            self._loop.call_soon_threadsafe(self._start_all, pairs)
        return futures

    def close(self, last: Callable[[], Awaitable[None]]) -> None:
        """Give up what is under way, wait for `last` to run, and end; twice is as good as once."""
        if not self._thread.is_alive():
            return
        try:
            asyncio.run_coroutine_threadsafe(self._finish(last), self._loop).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _start_all(self, pairs: Sequence[tuple[Coroutine[Any, Any, T], Future[T]]]) -> None:
        for coroutine, future in pairs:
            task = self._loop.create_task(_fulfil(future, coroutine))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _finish(self, last: Callable[[], Awaitable[None]]) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await last()


async def _fulfil(future: Future[T], coroutine: Coroutine[Any, Any, T]) -> None:
    try:
        future.set_result(await coroutine)
    except asyncio.CancelledError:
        future.cancel()
        raise
    except Exception as error:
        future.set_exception(error)
