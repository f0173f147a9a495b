"""Serve lives to other people's trainers: `python -m experiments.serve +env=trip`.

The server speaks OpenEnv's protocol and needs `pip install -e '.[openenv]'`. Each session is a life
of its own, whose mind is the client: see `experiments.interfaces.openenv_server`.
"""

import ipaddress
import os
import socket
from contextlib import closing
from pathlib import Path

from omegaconf import DictConfig

from experiments.running.cli import BadInput, command, require_world
from experiments.running.startup import Startup

_MISSING = "serving lives needs openenv: pip install -e '.[openenv]'"


@command("serve")
def main(config: DictConfig, _: Path) -> None:
    """Serve until somebody stops it.

    Raises:
        BadInput: If an option is out of range, or the server would be open to everybody.
    """
    require_world(config)
    token = os.environ.get(config.token_variable, "")
    _check(config, token)
    with closing(Startup("preparing to serve")) as startup:
        try:
            import uvicorn  # pyright: ignore[reportMissingImports]

            from experiments.interfaces.lives import LifeFactory
            from experiments.interfaces.openenv_server import app_of
        except ImportError as error:
            raise BadInput(f"{_MISSING} ({error})") from error
        factory = LifeFactory(config)
        with closing(factory.make()) as life:
            life.reset()  # a mistake in the options is said now, and what is compiled is kept
        app = app_of(
            factory, sessions=config.sessions, idle_seconds=config.idle_seconds, token=token
        )
        startup.ready()
    with _listening(config.host, config.port) as listening:
        where = f"[{config.host}]" if ":" in config.host else config.host
        print(f"lives in {config.world} at http://{where}:{config.port}", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise BadInput(
            f"cannot listen at {host}, port {port} ({why}); choose another with port="
        ) from error


def _check(config: DictConfig, token: str) -> None:
    if not 0 < config.port < 2**16:
        raise BadInput(f"port must be in 1..65535, got {config.port}")
    if config.sessions < 1:
        raise BadInput(f"sessions must be at least 1, got {config.sessions}")
    if not config.idle_seconds > 0:
        raise BadInput(f"idle_seconds must be above 0, got {config.idle_seconds}")
    if not token and not _is_of_this_machine(config.host):
        raise BadInput(
            f"host={config.host} can be reached from elsewhere: put a token that clients shall "
            f"bear into {config.token_variable}, or serve on 127.0.0.1"
        )


def _is_of_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


if __name__ == "__main__":
    main()
