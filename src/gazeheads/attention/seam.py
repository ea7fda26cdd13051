"""The one seam with transformers' attention.

One attention function and one mask function are registered under the name "gazeheads". Inside an
`attached(...)` block the *text* sub-model of a model uses them; everything else, the vision tower too, keeps
its own. The attention function runs SDPA and hands the call on to the probes that asked for this layer: a
steering probe overwrites the output of some heads, a recording probe reads one row of the pattern. A layer
without probes is plain SDPA, bit for bit (soft-capped models: their own eager attention, `supported`). On
exit everything is as it was before, also after an exception; blocks nest, and two models can be attached at once.

Keys are not tokens: with left padding, sliding windows, static caches and prefix reuse a key's index says
nothing about its place in the prompt. The mask function sees the 2-D attention mask of every forward pass and
notes the absolute position of each cache slot (`ForwardPass`), so probes work with positions only, and time is
derived from the cache, not counted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock, local
from typing import Any
from weakref import WeakSet

from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from gazeheads.attention.call import Call, ForwardPass, Probe
from gazeheads.attention.supported import eager_attention, must_be_known
from gazeheads.errors import HeadSteeredTwice, NotSwitched, ProbeNeverFired, SeamError

NAME = "gazeheads"  # no "/", "flash", "sdpa" or "flex_attention" in it: transformers reads meaning into those


class _Session:
    """The probes attached to one model, block by block, and the forward pass under way."""

    def __init__(self, model: Any) -> None:
        decoder = model.get_decoder()
        self.model, self.decoder, self.config = model, decoder, decoder.config
        self.layer_of: dict[nn.Module, int] = {
            layer.self_attn: number
            for number, layer in enumerate(decoder.layers)
            if hasattr(layer, "self_attn")
        }
        self.name, self.by_sdpa = type(model).__name__, bool(decoder._supports_sdpa)
        self.before = self.config._attn_implementation
        self.blocks: list[tuple[Probe, ...]] = []
        self.probes: list[Probe] = []
        self.forward_pass: ForwardPass | None = None
        self.mine = local()  # .forward_pass: the same, of the running thread

    def switch(self, name: str) -> None:
        """Select an attention function for the text sub-model, and for nothing else.

        The first time by transformers' own method, which checks that the model follows its interface. It walks over
        all modules, which takes longer than a token of a small model; so then the config alone is told.
        """
        if self.decoder in _SWITCHED:
            self.config._attn_implementation = {"": name}
        elif self.config is self.model.config:
            self.model.set_attn_implementation(name)
        else:
            parts = self.model.config.sub_configs
            part = next((key for key in parts if getattr(self.model.config, key) is self.config), None)
            if part is not None:
                self.model.set_attn_implementation({part: name})

    def enter(self, block: tuple[Probe, ...]) -> None:
        """Add the probes of a block. Raises `HeadSteeredTwice` or `SeamError`; then nothing was added."""
        absent = {
            head for probe in block for head in probe.overwrites if head.layer not in self.layer_of.values()
        }
        if absent:
            raise SeamError(
                f"Head {min(absent)} was to be steered, but layer {min(absent).layer} of this model has no attention. "
                f"Leave it out: layers {sorted(self.layer_of.values())} have some."
            )
        steered = {head for probe in self.probes for head in probe.overwrites}
        for probe in block:
            if twice := steered & probe.overwrites:
                raise HeadSteeredTwice(
                    f"Head {min(twice)} is steered by two gazes at one time. Give each head one gaze; to look at "
                    "two regions join them with |, or with a Mix, which gives each its share."
                )
            steered |= probe.overwrites
        self.blocks.append(block)
        self.probes = [probe for entered in self.blocks for probe in entered]

    def leave(self, block: tuple[Probe, ...]) -> None:
        """Remove the probes of a block, whichever order blocks end in."""
        self.blocks.remove(block)
        self.probes = [probe for entered in self.blocks for probe in entered]


_BY_MODULE: dict[nn.Module, tuple[_Session, int]] = {}
_BY_CONFIG: dict[int, _Session] = {}
_SWITCHED: WeakSet[nn.Module] = WeakSet()  # text models that were switched once, so that they can be
_LOCK = RLock()  # two threads may open and close blocks at once, and collecting garbage may close one


@contextmanager
def attached(model: Any, *probes: Probe) -> Iterator[None]:
    """Within this block `probes` see the attention of the text layers of `model`.

    Raises `NotSwitched` if the model keeps another attention function, `UnknownAttention` from within the model if
    its attention is more than a masked softmax, and `ProbeNeverFired` at the end of a block in which a probe saw
    nothing.
    """
    with _LOCK:
        session = _session(model)
        try:
            session.enter(probes)
        finally:
            _close_if_unused(session)
    try:
        yield
    finally:
        with _LOCK:
            session.leave(probes)
            _close_if_unused(session)
    for probe in probes:
        if not probe.fired:
            raise ProbeNeverFired(
                f"A {type(probe).__name__} on layers {sorted(probe.layers)} saw no attention: the model did "
                "not run inside the block, or these layers have none. Run the model inside the block, on "
                "heads of this model."
            )


def announce(model: Any, forward_pass: ForwardPass) -> None:
    """Say which pass `model` runs next, inside an attached block: for a pass that is given a 4-D mask of its own.

    Transformers builds no mask then, so that the seam would not see the pass begin.
    """
    session = _BY_CONFIG[id(model.get_decoder().config)]
    session.forward_pass = session.mine.forward_pass = forward_pass


def _session(model: Any) -> _Session:
    """The session of a model, opened if there is none yet."""
    decoder = model.get_decoder()
    session = _BY_CONFIG.get(id(decoder.config))
    if session is None:
        session = _Session(model)
        _open(session)
    elif session.decoder is not decoder:
        raise NotSwitched(
            f"A second {type(model).__name__} was to be attached while another one is that has the same config object, "
            "so they cannot be switched separately. Build each from its own copy.deepcopy(config), or attach one "
            "after the other."
        )
    return session


def _open(session: _Session) -> None:
    session.switch(NAME)
    if session.config._attn_implementation != NAME or not session.layer_of:
        found = session.config._attn_implementation
        session.switch(session.before)
        raise NotSwitched(
            f'The text model of {session.name} was asked to use the attention function "{NAME}" but '
            f'keeps "{found}" ({len(session.layer_of)} attention layers found). It does not follow transformers\' '
            "attention interface: steering it is not possible. Use another model."
        )
    _SWITCHED.add(session.decoder)
    _BY_CONFIG[id(session.config)] = session
    for module, layer in session.layer_of.items():
        _BY_MODULE[module] = session, layer


def _close_if_unused(session: _Session) -> None:
    if session.blocks:
        return
    _BY_CONFIG.pop(id(session.config), None)
    for module in session.layer_of:
        _BY_MODULE.pop(module, None)
    session.switch(session.before)


def _mask(*, q_length: int, q_offset: Any = 0, config: Any = None, **settings: Any) -> Tensor | None:
    """SDPA's mask; on the way, note the forward pass. A model with several kinds of masks does so for each of them."""
    session = _BY_CONFIG.get(id(config))
    if session is not None:
        if session.probes:
            mask, total = settings.get("attention_mask"), int(q_offset) + q_length
            forward_pass = ForwardPass.of(
                mask, total, q_length, settings["batch_size"], settings.get("device")
            )
            session.forward_pass = session.mine.forward_pass = forward_pass
        if not session.by_sdpa:  # eager attention knows no causality but the mask's
            settings["allow_is_causal_skip"] = settings["allow_is_bidirectional_skip"] = False
    mask_4d: Tensor | None = sdpa_mask(q_length=q_length, q_offset=q_offset, config=config, **settings)
    return mask_4d


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """SDPA, or eager attention where logits are capped; then the probes of this layer."""
    session, layer = _BY_MODULE.get(module, (None, -1))
    if session is not None:
        must_be_known(settings, session.name, session.by_sdpa)
    output: Tensor
    if session is None or session.by_sdpa:
        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
        if session is None or not session.probes:
            return output, None
    probes = [probe for probe in session.probes if layer in probe.layers]
    if settings.get("dropout") and (probes or not session.by_sdpa):
        raise SeamError(
            f"Layer {layer} drops out {settings['dropout']:g} of its attention, since the model is in training mode; "
            "what its heads look at would be left to chance. Call model.eval() first."
        )
    scaling, causal, cap = (settings.get(name) for name in ("scaling", "is_causal", "softcap"))
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    if not session.by_sdpa:
        output = eager_attention(query, key, value, attention_mask, scaling, cap)
    forward_pass = _running(session, layer) if session.probes else None
    if probes and forward_pass is not None:
        causal = getattr(module, "is_causal", True) if causal is None else causal
        recorded = any(not probe.overwrites for probe in probes)
        call = Call(
            layer, forward_pass, query, key, value, attention_mask, scaling, output, causal, cap, recorded
        )
        for probe in sorted(probes, key=lambda probe: not probe.overwrites):  # readers come after writers
            probe.attend(call)
            probe.fired = True
    return output, None


def _running(session: _Session, layer: int) -> ForwardPass:
    """The forward pass that reached this layer. Raises `SeamError` if it is not known which."""
    forward_pass: ForwardPass | None = getattr(session.mine, "forward_pass", None)
    if forward_pass is None or layer in forward_pass.layers_seen:
        raise SeamError(
            "A forward pass reached the attention without building a mask (a 4-D attention mask was "
            "passed?), so the place of its tokens is unknown. Pass the 2-D attention mask."
        )
    if forward_pass is not session.forward_pass:
        raise SeamError(
            "Two threads ran the model at the same time inside an attached block, so the place of their tokens is "
            "unknown. Run one after the other, or load the model twice."
        )
    forward_pass.layers_seen.add(layer)
    return forward_pass


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, _mask)
