"""`gazeheads look`: one steered answer beside the unsteered one, and the attention that moved."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from gazeheads.commands.models import heads_of, loaded, say_what_it_knows, selected
from gazeheads.commands.options import REQUIRED, path, share, whole
from gazeheads.commands.output import Say, note
from gazeheads.errors import RegionTooSmall, UsageError

if TYPE_CHECKING:
    from gazeheads.model.scene import Scene
    from gazeheads.regions.region import Region


def options(parser: ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "image", type=path, metavar="IMAGE|FOLDER", help="an image, or a folder of p1.png ... pN.png"
    )
    share(parser, ask=REQUIRED)
    share(parser.add_mutually_exclusive_group(required=True), "panel", "box")
    parser.add_argument(
        "--min-tokens", type=whole(1), metavar="N", help="grow a box that covers fewer image tokens"
    )
    share(parser, "model", "heads", "top", max_new_tokens=40)


def run(args: Namespace, say: Say) -> dict[str, Any]:
    """Answer twice: without steering, and with the heads on the target."""
    from gazeheads.data.clip_files import is_clip
    from gazeheads.gaze.gaze import Gaze
    from gazeheads.watching.from_files import SceneFiles

    if args.min_tokens and args.panel:
        raise UsageError(f"--min-tokens {args.min_tokens} is how far a small box grows. Give it with --box.")
    frames = 1 if args.image.is_file() and is_clip(args.image) else None  # of a clip the first
    files = SceneFiles([args.image], args.ask, args.panel and args.panel[1], frames=frames)
    model = loaded(args.model)
    heads = selected(heads_of(model, args.heads), args.top)
    scene = files.encode(model).scene
    target, name = _target(args, scene)
    unsteered = model.generate(scene, max_new_tokens=args.max_new_tokens)
    steered = model.generate(scene, Gaze(heads, target), max_new_tokens=args.max_new_tokens)
    effect = steered.effect
    assert effect is not None and effect.before is not None and effect.after is not None  # it was steered
    say_what_it_knows(args.model)
    if args.panel and not args.image.is_dir():
        note(f"the image was cut into {args.panel[1]} panels of equal width")
    say(f"unsteered           {unsteered.text}")
    say(f"looking at {name}: {steered.text}")
    say(
        f"attention mass of {len(heads)} heads on the target: {effect.before:.1%} unsteered, {effect.after:.1%} steered"
    )
    return {
        "question": args.ask,
        "target": name,
        "heads": len(heads),
        "unsteered": unsteered.text,
        "steered": steered.text,
        "before": effect.before,
        "after": effect.after,
    }


def _target(args: Namespace, scene: "Scene") -> "tuple[Region, str]":
    """The region to look at, and what to call it."""
    if args.panel:
        k, n = args.panel
        return scene.panels[k - 1], f"panel {k} of {n}"
    image, box = args.box
    try:
        target = scene.box(*box.corners, image=image, min_tokens=args.min_tokens)
    except RegionTooSmall as error:
        raise RegionTooSmall(str(error).replace("min_tokens=1", "--min-tokens 1")) from error
    return target, f"the box {','.join(f'{edge:g}' for edge in box.corners)}" + (
        f", grown to {target.weights.sum():g} cells" if target.grown else ""
    )
