"""A socket, and the application on it."""

import contextlib
import ipaddress
import socket
import sys
from importlib.util import find_spec

from gazeheads.demo.limits import Limits
from gazeheads.errors import MissingPackage, UsageError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})  # as browsers write them
NEEDED = ("fastapi", "uvicorn", "websockets")


def must_be_installed() -> None:
    """Raise `MissingPackage` unless the packages of the extra are there."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise MissingPackage(
            f"The demo needs {', '.join(missing)}, which the extra brings. "
            'Install it: pip install "gazeheads[demo]".'
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def opened(host: str, port: int, allow_remote: bool) -> socket.socket:
    """A listening socket. Raises `GazeHeadsError` if others could reach it unasked, or it cannot be had."""
    if not is_loopback(host) and not allow_remote:
        raise UsageError(
            f"--host {host} lets other machines in; the demo has no passwords. Leave --host out, or add "
            "--allow-remote if everybody who can reach this machine may use it."
        )
    if not 0 <= port <= 65535:  # the system would take it modulo 65536
        raise UsageError(
            f"Port {port}: there is none such. Give one from 1 to 65535, or 0 for any that is free."
        )
    try:
        address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(address[0], socket.SOCK_STREAM)
        if sys.platform != "win32":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was left a moment ago
        try:
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # the system lets go of one who acknowledges nothing
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
            found.bind(address[4])
            found.listen(128)
        except OSError:
            found.close()
            raise
    except OSError as error:
        other = port + 1 if port < 65535 else 7860
        raise UsageError(
            f"Port {port} of {host} cannot be had: {error.strerror or error}. Stop what runs there, or choose another "
            f"one: --port {other}."
        ) from error
    return found


def names(host: str) -> frozenset[str] | None:
    """The host names that requests may carry; None: any."""
    bare = host.strip("[]")
    return LOOPBACK | {f"[{bare}]" if ":" in bare else bare} if is_loopback(host) else None


def serve(app: object, place: socket.socket, limits: Limits) -> None:
    """Until it is interrupted."""
    import uvicorn

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_level="warning",
        ws="websockets-sansio",
        ws_max_size=limits.message_bytes,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        uvicorn.Server(config).run(sockets=[place])
