"""Lives behind OpenEnv's protocol: what speaks it (TRL, SkyRL, ART, Unsloth) can train here.

A session is a life of its own. The one action is what the mind replies, as text; an observation is
what it is asked next. A task is a seed's room: task i of a split is the life that
`reset(split=..., index=i)` begins, with the seed that the server was started with.
"""

# openenv may not be installed where types are checked:
# pyright: reportMissingImports=false

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from fastapi import FastAPI, Request, WebSocketDisconnect
from fastapi.responses import JSONResponse
from openenv.core.env_server import (
    Action,
    ConcurrencyConfig,
    Environment,
    Observation,
    State,
    create_fastapi_app,
)
from pydantic import Field

from experiments.interfaces.lives import BEGINS, LARGEST, Life, LifeFactory, Turn
from experiments.running.cli import BadInput

LISTED = 100  # tasks, of all that there are
_Scope = MutableMapping[str, Any]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Reply(Action):
    """What the mind replies."""

    text: str = Field(
        description="Such as <answer>go to red ball, careful</answer>", max_length=8192
    )


class Asked(Observation):
    """What the mind is asked next; the reward is what the world gave since it was asked before."""

    text: str = Field(description="What was said last")
    messages: list[dict[str, str]] = Field(description="The whole conversation, role and content")
    choices: list[str] = Field(description="Replies that can be used, where mind.reply=choice")
    episode: int = Field(description="Number of the episode in the life")
    truncated: bool = Field(description="Whether time was up")
    scores: list[dict[str, float]] = Field(description="Of each episode that has just ended")
    fallbacks: int = Field(description="Decisions just now for which no reply could be used")


class LifeServerEnvironment(Environment[Reply, Asked, State]):
    """One session: lives that are led by what a client replies.

    Args:
        factory: Makes the life.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, factory: LifeFactory):
        super().__init__()
        self._factory = factory
        self._life: Life | None = None  # made when it is needed: tasks are listed without
        self._state = State()

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        split: str | None = None,
        index: int = 0,
        context: int | None = None,
        **others: Any,
    ) -> Asked:
        """Begin a new life; see `Life.reset`. `episode_id` names it in the state."""
        if others:  # a misspelt split would else be one of training
            known = ", ".join((*BEGINS, "episode_id"))
            raise BadInput(f"reset takes {known}, got {', '.join(others)}")
        self._life = self._life or self._factory.make()
        turn = self._life.reset(seed=seed, index=index, split=split, context=context)
        self._state = State(episode_id=episode_id, step_count=0)
        return _asked(turn)

    def step(self, action: Reply, timeout_s: float | None = None, **_: Any) -> Asked:
        """Let the mind reply."""
        if self._life is None:
            raise BadInput("nothing was asked: reset the session first, over /ws")
        turn = self._life.reply(action.text)
        self._state.step_count += 1
        return _asked(turn)

    @property
    def state(self) -> State:
        """The name of the life, and how often was replied in it."""
        return self._state

    def close(self) -> None:
        """End the life."""
        if self._life is not None:
            self._life.close()

    # ---- Tasks ----

    def list_splits(self) -> list[str]:
        """Return the splits of the rooms; none in a world without."""
        return list(self._factory.splits)

    def num_tasks(self, split: str) -> int:
        """Return how many tasks a split has: as many as there are numbers."""
        self._check(split)
        return LARGEST

    def get_task(self, split: str, index: int) -> dict[str, Any]:
        """Return a task; its fields are what `reset` takes."""
        self._check(split)
        if not 0 <= index < LARGEST:
            raise IndexError(f"index must be in 0..{LARGEST - 1}, got {index}")
        return {"id": f"{split}-{index}", "split": split, "index": index}

    def get_task_range(
        self, split: str, start: int | None = None, stop: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the tasks of a slice, `LISTED` at most."""
        numbers = range(LARGEST)[slice(start, stop)][:LISTED]
        return [self.get_task(split, number) for number in numbers]

    def list_tasks(self, split: str) -> list[dict[str, Any]]:
        """Return the first `LISTED` tasks."""
        return self.get_task_range(split)

    def _check(self, split: str) -> None:
        if split not in self._factory.splits:
            raise IndexError(f"split must be one of {self._factory.splits}, got '{split}'")


def _asked(turn: Turn) -> Asked:
    return Asked(
        text=turn.text,
        messages=[{"role": one.role.value, "content": one.text} for one in turn.messages],
        choices=list(turn.choices),
        episode=turn.episode,
        truncated=turn.truncated,
        scores=[dict(score) for score in turn.scores],
        fallbacks=turn.fallbacks,
        reward=turn.reward,
        done=turn.done,
    )


def app_of(factory: LifeFactory, *, sessions: int, idle_seconds: float, token: str = "") -> FastAPI:
    """Return the server's application.

    Args:
        factory: Makes the life of each session.
        sessions: Most that are served at the same time.
        idle_seconds: After which a session that nobody speaks to is ended.
        token: That every request must bear, as ``Authorization: Bearer TOKEN``; empty asks none.
    """
    app = create_fastapi_app(
        lambda: LifeServerEnvironment(factory),
        Reply,
        Asked,
        env_name=factory.spec.name,
        concurrency_config=ConcurrencyConfig(
            max_concurrent_envs=sessions, session_timeout=idle_seconds
        ),
    )

    @app.exception_handler(BadInput)
    async def told(_: Request, error: BadInput) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return JSONResponse({"detail": str(error)}, status_code=422)

    app.add_middleware(_Door, token=token)
    return app


class _Door:
    """Lets in who bears the token, by HTTP or WebSocket, and lets whoever has gone be gone.

    Args:
        app: What is behind it.
        token: Empty lets in everybody.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], token: str):
        self._app, self._expected = app, f"Bearer {token}".encode() if token else b""

    async def __call__(self, scope: _Scope, receive: Callable[..., Any], send: _Send) -> None:
        """Pass on, or refuse, what comes in."""
        if scope["type"] == "lifespan" or self._is_welcome(scope):
            # A client that is gone is still answered by openenv, which fails.
            gone = (WebSocketDisconnect, RuntimeError) if scope["type"] == "websocket" else ()
            with suppress(*gone):
                await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "a token is needed"})
        else:
            answer = JSONResponse({"detail": "a token is needed"}, status_code=401)
            await answer(scope, receive, send)

    def _is_welcome(self, scope: _Scope) -> bool:
        borne = dict(scope["headers"]).get(b"authorization", b"")
        return not self._expected or hmac.compare_digest(borne, self._expected)
