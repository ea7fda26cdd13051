"""What the engine needs of a model: its parts, its shape, and what its scenes are made for."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from gazeheads.families import Family, family
from gazeheads.model.scene import Origin, fingerprint, origin
from gazeheads.model.usable import end_tokens, unwrapped
from gazeheads.sample import Sample


class Backbone:
    """A transformers model with its processor. `GazeModel` adds what one does with them.

    hf, processor: the model and what makes its inputs. name, revision: where it is from. n_layers, n_heads: the shape
    of its language model. stop, pad: token ids that end an answer, and the one that fills up rows. is_bundled: whether
    this is the model that ships with the package.
    """

    def __init__(
        self, hf: Any, processor: Any, name: str, revision: str = "", is_bundled: bool = False
    ) -> None:
        self.hf, self.processor, self.name, self.revision = unwrapped(hf), processor, name, revision
        hf = self.hf
        self.is_bundled = is_bundled
        self.family: Family = family(hf.config)
        text = hf.config.get_text_config()
        self.n_layers, self.n_heads = int(text.num_hidden_layers), int(text.num_attention_heads)
        self.stop = end_tokens(hf, processor)
        pad = processor.tokenizer.pad_token_id
        self.pad = int(pad) if pad is not None else (self.stop or [0])[0]

    def __repr__(self) -> str:
        shape = f"{self.n_layers} layers x {self.n_heads} heads"
        return f"GazeModel({self.name}, {shape}, {self.hf.dtype}, {self.hf.device})"

    @cached_property
    def origin(self) -> Origin:
        """What the scenes of this model are encoded for; a scene of another origin is refused."""
        return origin(self.hf, self.processor, self.name)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all weights as they are now: says which ones gave a result. Computed anew at each use."""
        return fingerprint(self.hf)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of token ids, special tokens left out."""
        text: str = self.processor.tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text

    def resized(self, sample: Sample) -> Sample:
        """The sample drawn anew at the size that suits this model, where it can be (`Sample.resized`)."""
        return sample.resized(*self.family.panel_size(self.processor))
