"""The one seam with transformers' attention.

One attention function and one mask function are registered under the name "gazeheads". Inside an
`attached(...)` block the *text* sub-model of a model uses them; everything else, the vision tower too, keeps
its own. The attention function runs SDPA and hands the call on to the probes that asked for this layer: a
steering probe overwrites the output of some heads, a recording probe reads one row of the pattern. A layer
without probes is plain SDPA, bit for bit. On exit everything is as it was before, also after an exception;
blocks nest, and two models can be attached at once.

Keys are not tokens: with left padding, sliding windows, static caches and prefix reuse a key's index says
nothing about its place in the prompt. The mask function sees the 2-D attention mask of every forward pass and
notes the absolute position of each cache slot (`Moment`), so probes work with positions only, and time is
derived from the cache, not counted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from gazeheads.calls import Call, Moment, Probe
from gazeheads.errors import HeadSteeredTwice, NotSwitched, ProbeNeverFired, SeamError

NAME = "gazeheads"  # no "/", "flash", "sdpa" or "flex_attention" in it: transformers reads meaning into those


class _Session:
    """The probes attached to one model, in the order of attachment, and the forward pass under way."""

    def __init__(self, model: Any) -> None:
        decoder = model.get_decoder()
        self.model, self.decoder, self.config = model, decoder, decoder.config
        self.layer_of: dict[nn.Module, int] = {
            layer.self_attn: number
            for number, layer in enumerate(decoder.layers)
            if hasattr(layer, "self_attn")
        }
        self.before = self.config._attn_implementation
        self.probes: list[Probe] = []
        self.moment: Moment | None = None

    def switch(self, name: str) -> None:
        """Select an attention function for the text sub-model, and for nothing else."""
        if self.config is self.model.config:
            self.model.set_attn_implementation(name)
            return
        part = next(
            (key for key in self.model.config.sub_configs if getattr(self.model.config, key) is self.config),
            "",
        )
        if part:
            self.model.set_attn_implementation({part: name})

    def new_moment(self, moment: Moment) -> None:
        """Note a forward pass; a model with several kinds of masks notes each pass several times."""
        if (
            self.moment is None
            or self.moment.layers_seen
            or self.moment.positions.shape != moment.positions.shape
        ):
            self.moment = moment


_BY_MODULE: dict[nn.Module, tuple[_Session, int]] = {}
_BY_CONFIG: dict[int, _Session] = {}


@contextmanager
def attached(model: Any, *probes: Probe) -> Iterator[None]:
    """Within this block `probes` see the attention of the text layers of `model`.

    Raises `NotSwitched` if the model keeps another attention function, and `ProbeNeverFired` at the end of a
    block in which a probe saw nothing.
    """
    decoder = model.get_decoder()
    session = _BY_CONFIG.get(id(decoder.config))
    inner = session is not None
    if session is None:
        session = _Session(model)
        _open(session)
    elif session.decoder is not decoder:
        raise NotSwitched(
            "Two models that share one config object cannot be attached at the same time. Give each its "
            "own copy."
        )
    outer = list(session.probes)
    try:
        for probe in probes:
            _add(session, probe)
        yield
    finally:
        session.probes[:] = outer
        if not inner:
            _close(session)
    for probe in probes:
        if not probe.fired:
            raise ProbeNeverFired(
                f"A {type(probe).__name__} on layers {sorted(probe.layers)} saw no attention: the model did "
                "not run inside the block, or these layers have none. Run the model inside the block, on "
                "heads of this model."
            )


def _add(session: _Session, probe: Probe) -> None:
    twice = {head for other in session.probes for head in other.overwrites & probe.overwrites}
    if twice:
        raise HeadSteeredTwice(
            f"Head {min(twice)} is steered by two gazes at one time. Give each head one gaze; to look at "
            "two regions join them with |."
        )
    session.probes.append(probe)


def _open(session: _Session) -> None:
    session.switch(NAME)
    if session.config._attn_implementation != NAME or not session.layer_of:
        found = session.config._attn_implementation
        session.switch(session.before)
        raise NotSwitched(
            f'The text model of {type(session.model).__name__} was asked to use the attention function "{NAME}" but '
            f'keeps "{found}" ({len(session.layer_of)} attention layers found). It does not follow transformers\' '
            "attention interface: steering it is not possible."
        )
    _BY_CONFIG[id(session.config)] = session
    for module, layer in session.layer_of.items():
        _BY_MODULE[module] = session, layer


def _close(session: _Session) -> None:
    session.switch(session.before)
    _BY_CONFIG.pop(id(session.config), None)
    for module in session.layer_of:
        _BY_MODULE.pop(module, None)


def _mask(*, q_length: int, q_offset: Any = 0, config: Any = None, **settings: Any) -> Tensor | None:
    """SDPA's mask; on the way, note which position of its text each cache slot holds."""
    session = _BY_CONFIG.get(id(config))
    if session is not None:
        total = int(q_offset) + q_length
        mask = settings.get("attention_mask")
        if mask is None:
            positions = torch.arange(total, device=settings.get("device")).expand(settings["batch_size"], -1)
        elif mask.shape[1] < total:
            raise SeamError(
                f"The attention mask covers {mask.shape[1]} tokens, the cache and the input hold {total}. "
                "Pass the mask of the whole text, cached part included."
            )
        else:
            seen = mask[:, :total].long()
            positions = (seen.cumsum(-1) - 1).masked_fill(seen == 0, -1)
        session.new_moment(Moment(positions, q_length))
    mask_4d: Tensor | None = sdpa_mask(q_length=q_length, q_offset=q_offset, config=config, **settings)
    return mask_4d


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """SDPA, then the probes of this layer."""
    output, _ = sdpa_attention_forward(
        module, query, key, value, attention_mask, scaling=scaling, is_causal=is_causal, **settings
    )
    if module not in _BY_MODULE:
        return output, None
    session, layer = _BY_MODULE[module]
    moment = session.moment
    if moment is None or layer in moment.layers_seen:
        raise SeamError(
            "A forward pass reached the attention without building a mask (a 4-D attention mask was "
            "passed?), so the place of its tokens is unknown. Pass the 2-D attention mask."
        )
    moment.layers_seen.add(layer)
    probes = [probe for probe in session.probes if layer in probe.layers]
    if probes:
        causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        recorded = any(not probe.overwrites for probe in probes)
        call = Call(layer, moment, query, key, value, attention_mask, scale, output, causal, recorded)
        for probe in sorted(
            probes, key=lambda probe: not probe.overwrites
        ):  # who reads comes after who writes
            probe.attend(call)
            probe.fired = True
    return output, None


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, _mask)
