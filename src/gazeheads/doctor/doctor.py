"""Does this model fit? `gazeheads doctor --model M`: everything that steering relies on, measured on the model itself.

Nothing is taken from a table: the grid is proved by gradients of pixels, the seam by comparing logits, the push by the
attention that moved. It is the first thing to ask for in a bug report.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from gazeheads.attention.seam import attached
from gazeheads.discovery.discover import discover
from gazeheads.doctor.conformance import batch_error, full_layers, heads_of, left_half, prefix_error
from gazeheads.doctor.receptive_fields import ramps, receptive_field_errors
from gazeheads.drawing.strips import doodles
from gazeheads.errors import GazeHeadsError
from gazeheads.gaze.gaze import Gaze
from gazeheads.model.model import GazeModel
from gazeheads.model.scene import Scene
from gazeheads.plain import plain

TOKENS = 24  # looked at to prove a grid
OUTSIDE = 0.5  # cells from the middle of its rectangle: beyond it a token looks outside
EXACT = 1e-5  # logits in float32
LOOSE = 0.05  # in other dtypes: of the spread of the logits
QUESTION = "What is happening in this panel of the comic strip?"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. state: "note" is for what may be either way."""

    name: str
    state: Literal["ok", "FAIL", "note"]
    found: str


def examine(model: GazeModel) -> Iterator[Check]:
    """The checks, one after the other; a check that cannot be made is a failure, with the reason."""
    yield text_model(model)
    sample = model.resized(doodles(1)[0])
    try:
        scene = model.encode(sample.image, QUESTION)
    except GazeHeadsError as error:
        yield Check("image", "FAIL", str(error))
        return
    checks: list[tuple[str, Callable[[GazeModel, Scene], Check]]] = [
        ("image", image),
        ("grid", grid),
        ("idle", idle),
        ("push", push),
        ("batch", batch),
        ("prefix", prefix),
        ("discovery", discovery),
    ]
    for name, check in checks:
        try:
            yield check(model, scene)
        except (GazeHeadsError, RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            why = (str(error).splitlines() or ["no reason was given"])[0]
            yield Check(name, "FAIL", f"{type(error).__name__}: {why}")


def _is(good: bool) -> Literal["ok", "FAIL"]:
    return "ok" if good else "FAIL"


def text_model(model: GazeModel) -> Check:
    """Found by transformers' own name for it; which layers see the whole prompt."""
    decoder, whole = model.hf.get_decoder(), full_layers(model)
    rest = "" if len(whole) == model.n_layers else f"; {len(whole)} layers see the whole prompt"
    shape = f"{model.n_layers} layers x {model.n_heads} heads"
    return Check("text model", _is(bool(whole)), f"{type(decoder).__name__}, {shape}, {model.hf.dtype}{rest}")


def grid(model: GazeModel, scene: Scene) -> Check:
    """Tokens look where they are said to: gradients of pixels, the vision tower's attention switched off."""
    ramp = model.encode(ramps(scene.grid.sizes[0])[0], QUESTION)
    n = len(ramp.grid)
    tokens = sorted({round(t) for t in np.linspace(0, n - 1, min(TOKENS, n)).tolist()})
    worst = float(receptive_field_errors(model, ramp, tokens).max())
    found = f"{ramp.grid}; {len(tokens)} tokens, at most {worst:.2f} cells off the middle of theirs"
    return Check("grid", _is(worst < OUTSIDE), found)


def image(model: GazeModel, scene: Scene) -> Check:
    """How much of the image reaches the model."""
    seen = scene.seen[0]
    return Check("image", _is(seen.share >= 0.99), f"{seen.share:.0%} of it reaches the model; {seen.how}")


@torch.no_grad()
def idle(model: GazeModel, scene: Scene) -> Check:
    """Attached with nothing to do changes no bit, and afterwards all is as before."""
    config = model.hf.get_decoder().config
    before, plain = config._attn_implementation, model.hf(**scene.tensors).logits
    with attached(model.hf):
        inside = model.hf(**scene.tensors).logits
    after = model.hf(**scene.tensors).logits
    same = torch.equal(plain, inside) and torch.equal(plain, after)
    restored = config._attn_implementation == before
    found = (
        f"logits {'equal bit for bit' if same else 'differ'}; {before} {'restored' if restored else 'lost'}"
    )
    return Check("idle", _is(same and restored), found)


def push(model: GazeModel, scene: Scene) -> Check:
    """The mass of steered heads goes where it is told."""
    gaze = Gaze(heads_of(model), left_half(scene))
    answer = model.generate(scene, gaze, max_new_tokens=3)
    assert answer.effect is not None
    before, after = answer.effect.before, answer.effect.after
    if before is None or after is None:
        return Check("push", "FAIL", "no generated token was steered")
    return Check(
        "push",
        _is(after > 0.999 > before),
        f"attention mass of steered heads on the left half: {before:.3f} -> {after:.3f}",
    )


def batch(model: GazeModel, scene: Scene) -> Check:
    """A row of a batch, padded and with its own gaze, is what it is alone."""
    other = model.encode(ramps((96, 64))[0], "What is this, and where?")
    gazes = [Gaze(heads_of(model), left_half(each)) for each in (scene, other)]
    error, bound = batch_error(model, [scene, other], gazes), _bound(model, scene)
    found = f"logits of steered rows and of single prompts differ by {error:.1e} (bound {bound:.1e})"
    return Check("batch", _is(error <= bound), found)


def prefix(model: GazeModel, scene: Scene) -> Check:
    """Whether the image may be computed once for several questions; where not, nothing is wrong."""
    shown = ramps(scene.grid.sizes[0])[0]
    scenes = [model.encode(shown, question) for question in ("What is this?", "Where is it, then?")]
    error, bound = prefix_error(model, scenes), _bound(model, scene)
    allowed = "may" if error <= bound else "must not"
    found = f"the image {allowed} be shared by several questions (logits differ by {error:.1e})"
    return Check("prefix", "note", found)


def discovery(model: GazeModel, scene: Scene) -> Check:
    """Seconds and memory for one strip of a discovery pass, and its best heads."""
    began = time.monotonic()
    heads = discover(model, [model.resized(sample) for sample in doodles(1)])
    seconds = time.monotonic() - began
    best = " ".join(f"{head} {heads.score(head):.2f}" for head in heads.top(3))
    return Check("discovery", "note", f"{seconds:.1f} s a strip, {_peak(model)}; best heads: {best}")


def _peak(model: GazeModel) -> str:
    """The most memory that was held since the process began."""
    if torch.accelerator.is_available():
        return f"{torch.accelerator.max_memory_allocated() / 2**30:.1f} GiB of the device at most"
    if sys.platform == "win32":
        return "memory not measured on Windows"
    import resource

    unit = 2**30 if sys.platform == "darwin" else 2**20
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit:.1f} GiB at most"


@torch.no_grad()
def _bound(model: GazeModel, scene: Scene) -> float:
    """By how much logits may differ: by rounding."""
    if model.hf.dtype == torch.float32:
        return EXACT
    return LOOSE * float(model.hf(**scene.tensors).logits[0, -1].float().std())


def to_json(model: GazeModel, checks: list[Check]) -> dict[str, Any]:
    """What was found of a model, as plain values. fits: no check failed."""
    fits = all(check.state != "FAIL" for check in checks)
    return {"model": model.name, "revision": model.revision, "fits": fits, "checks": plain(checks)}
