"""`gazeheads demo`: your cursor is the model's gaze."""

from argparse import ArgumentParser, Namespace
from typing import Any

from gazeheads.commands.models import heads_of, loaded
from gazeheads.commands.options import share, whole
from gazeheads.commands.output import Say


def options(parser: ArgumentParser) -> None:
    """The options."""
    share(parser, "model", "heads")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=whole(0), default=7860, help="port to listen on; 0: any that is free (default: %(default)s)"
    )  # fmt: skip
    parser.add_argument(
        "--allow-remote", action="store_true", help="let other machines in; there are no passwords"
    )
    parser.add_argument(
        "--visitors", type=whole(1), default=64, metavar="N", help="how many at once (default: %(default)s)"
    )


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Serve until it is interrupted. Its address is progress, not a result: it goes to stderr."""
    import sys

    from gazeheads.demo import serving
    from gazeheads.demo.limits import Limits

    serving.must_be_installed()
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
