"""`gazeheads demo`: your cursor is the model's gaze."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gazeheads.commands import heads_of, loaded


def add(command: Callable[..., argparse.ArgumentParser]) -> None:
    """The options."""
    page = command("demo", demo, "a page on which your cursor is the model's gaze")
    page.add_argument("--model", help="folder or hub id of a checkpoint; the bundled model without")
    page.add_argument("--heads", type=Path, help="heads file; the bundled model brings its own")
    page.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    page.add_argument("--port", type=int, default=7860, help="0: any that is free (default %(default)s)")
    page.add_argument(
        "--allow-remote", action="store_true", help="let other machines in; there are no passwords"
    )
    page.add_argument("--visitors", type=int, default=64, help="at once (default %(default)s)")


def demo(args: argparse.Namespace) -> dict[str, Any]:
    """Serve until it is interrupted."""
    from gazeheads.demo import serving
    from gazeheads.demo.limits import Limits
    from gazeheads.errors import UsageError

    serving.must_be_installed()
    if args.visitors < 1:
        raise UsageError(f"--visitors {args.visitors}: nobody could come in. Give at least 1.")
    with serving.opened(args.host, args.port, args.allow_remote) as door:
        from gazeheads.demo.app import create_app

        model = loaded(args.model)
        heads = heads_of(model, args.heads)
        limits = Limits(visitors=args.visitors)
        app = create_app(model, heads, limits, serving.names(args.host))
        host, port = door.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        if not serving.is_loopback(args.host):
            print(
                "warning: everybody who can reach this machine can use this page; there are no passwords",
                file=sys.stderr,
            )
        print(f"{url}  ({model.name}, {len(heads)} heads; Ctrl-C ends it)", file=sys.stderr, flush=True)
        serving.serve(app, door, limits)
    return {"url": url}
