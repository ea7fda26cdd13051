"""A vision-language model that one can point: encode, generate, stream.

    model = gazeheads.load()                                   # the bundled model
    scene = model.encode(photo, "What is happening here?")
    model.generate(scene, gaze=Gaze(lever, at=scene.box(120, 40, 380, 300)))

Pictures and strings go in; float32 numpy and plain values come out.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, overload

import torch

from gazeheads.answering import answer, fits, some
from gazeheads.attention import attached
from gazeheads.choosing import choice
from gazeheads.encoding import Picture, encode
from gazeheads.errors import BadInput, GazeError
from gazeheads.families import Family, family
from gazeheads.gaze import Gaze
from gazeheads.generation import Generation
from gazeheads.given import several, whole
from gazeheads.grid import Box
from gazeheads.lastrow import last_rows
from gazeheads.listening import Listener, OnLoop
from gazeheads.origin import Origin, fingerprint, origin
from gazeheads.prefix import Prefix, prepare
from gazeheads.recording import Recorded, Recorder, records_for
from gazeheads.records import Sample
from gazeheads.scenes import EncodedInput
from gazeheads.steering import Steering
from gazeheads.streaming import Token, stream
from gazeheads.trace import Patterns, Weigh


class GazeModel:
    """A model and its processor. `hf` is the transformers model, for people with their own loop.

    stop, pad: token ids that end an answer, and the one that fills up rows. is_bundled: whether this is the
    model that ships with the package.
    """

    def __init__(
        self, hf: Any, processor: Any, name: str, revision: str = "", is_bundled: bool = False
    ) -> None:
        self.hf, self.processor, self.name, self.revision = hf, processor, name, revision
        self.is_bundled = is_bundled
        self.family: Family = family(hf.config)
        text = hf.config.get_text_config()
        self.n_layers, self.n_heads = int(text.num_hidden_layers), int(text.num_attention_heads)
        ends = hf.generation_config.eos_token_id
        ends = processor.tokenizer.eos_token_id if ends is None else ends
        self.stop = [] if ends is None else [int(end) for end in (ends if isinstance(ends, list) else [ends])]
        pad = processor.tokenizer.pad_token_id
        self.pad = int(pad) if pad is not None else (self.stop or [0])[0]

    def __repr__(self) -> str:
        shape = f"{self.n_layers} layers x {self.n_heads} heads"
        return f"GazeModel({self.name}, {shape}, {self.hf.dtype}, {self.hf.device})"

    @cached_property
    def origin(self) -> Origin:
        """What the scenes of this model are encoded for; a scene of another origin is refused."""
        return origin(self.hf, self.processor, self.name)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all weights: says which ones gave a result."""
        return fingerprint(self.hf)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of token ids, special tokens left out."""
        text: str = self.processor.tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text

    def fit(self, sample: Sample) -> Sample:
        """The sample drawn anew at the size that suits this model, where it can be (`Sample.fit`)."""
        return sample.fit(*self.family.panel_size(self.processor))

    def encode(
        self,
        pictures: Picture | Sequence[Picture],
        prompt: str,
        panels: Sequence[Box] | None = None,
        names: Sequence[str] = (),
        **settings: Any,
    ) -> EncodedInput:
        """One or more pictures and a question about them. `panels`: boxes of picture 0, for `scene.panel(i)`.

        settings: keywords of the processor, such as `do_pan_and_scan=True`. Raises `BadInput` for an empty prompt, a
        picture that the processor refuses, or one of which less than 99% reaches the model.
        """
        return encode(
            self.hf, self.processor, self.family, pictures, prompt, panels, names, settings, self.origin
        )

    @overload
    def generate(
        self,
        scenes: EncodedInput,
        gaze: Gaze | None = None,
        *,
        record: Recorded | None = None,
        max_new_tokens: int = 100,
        on_loop: OnLoop = "ignore",
        **settings: Any,
    ) -> Generation: ...

    @overload
    def generate(
        self,
        scenes: Sequence[EncodedInput],
        gaze: Gaze | Sequence[Gaze | None] | None = None,
        *,
        record: Recorded | Sequence[Recorded | None] | None = None,
        max_new_tokens: int = 100,
        batch_size: int | None = None,
        on_loop: OnLoop = "ignore",
        **settings: Any,
    ) -> list[Generation]: ...

    @torch.no_grad()
    def generate(
        self,
        scenes: EncodedInput | Sequence[EncodedInput],
        gaze: Gaze | Sequence[Gaze | None] | None = None,
        *,
        record: Recorded | Sequence[Recorded | None] | None = None,
        max_new_tokens: int = 100,
        batch_size: int | None = None,
        on_loop: OnLoop = "ignore",
        **settings: Any,
    ) -> Generation | list[Generation]:
        """The answer to a scene, or those to many scenes, `batch_size` at a time (default: all at once).

        gaze: steers; with many scenes a list, one entry for each (None: look freely). Every row of a batch is what it
        would be alone. record: heads, or a `Record`, for all scenes, or a list of them with an entry for each; what
        they looked at is in `answer.trace`. on_loop: what to do with an answer that runs in circles
        (`gazeheads.listening`). settings: keywords of transformers' `generate`, and `generator`; greedy without them
        (`gazeheads.choosing`).

        Raises `ForeignRegion` for a region of another scene, `ForeignScene` for a scene of another model, `WrongModel`
        for heads of another model, `BadInput` for settings that cannot be meant, `NothingSteered` if a gaze steered no
        attention row at all, as where an answer ends before the first token that its gaze is for.
        """
        if isinstance(scenes, EncodedInput):
            if isinstance(gaze, list | tuple):
                raise GazeError("One scene was given with several gazes. Give one gaze, or a list of scenes.")
            how = choice(settings, self.stop, self.pad, max_new_tokens, 1)
            return answer(self, [scenes], [gaze], records_for(record, 1), how, on_loop)[0]  # type: ignore[list-item]
        scenes = several(scenes, "model.generate takes a scene, or a list of them", BadInput)
        alike = gaze is None or isinstance(gaze, Gaze)
        gazes: list[Any] = (
            [gaze] * len(scenes)
            if alike
            else [*several(gaze, "gaze= takes a Gaze, or one for each scene", GazeError)]
        )
        if len(gazes) != len(scenes):
            raise GazeError(
                f"{len(scenes)} scenes were given with {len(gazes)} gazes. Give one for each (None: look "
                "freely)."
            )
        records = records_for(record, len(scenes))
        size = len(scenes) if batch_size is None else whole(batch_size, "batch_size=", BadInput)
        if size < 1 and scenes:
            raise BadInput(f"batch_size={batch_size}: a batch has at least one row.")
        how = choice(settings, self.stop, self.pad, max_new_tokens, len(scenes))
        answers: list[Generation] = []
        for start in range(0, len(scenes), max(size, 1)):
            part = slice(start, start + size)
            mine = how.of(part, len(scenes))
            answers += answer(self, scenes[part], gazes[part], records[part], mine, on_loop, start)
        return answers

    def stream(
        self,
        scene: EncodedInput,
        gaze: Gaze | None = None,
        *,
        record: Recorded | None = None,
        max_new_tokens: int = 100,
        on_loop: OnLoop = "ignore",
        prefix: Prefix | None = None,
        **settings: Any,
    ) -> Iterator[Token]:
        """The answer to a scene, token by token, with the time, the target, the mass on it, and where `record` looked.

        Where a `Live` target looks may be changed between tokens, or from another thread; the next token obeys.
        Drop the iterator to stop. The tokens are those of `generate`, which takes the same settings. Raises what
        `generate` raises, at once, but not `NothingSteered`: `token.after` tells. prefix: what `prepare` made of this
        scene; then the first token takes one step, as every other does.
        """
        how = choice(settings, self.stop, self.pad, max_new_tokens, 1)
        if how.searches:
            raise BadInput(
                f"A stream has no beams and no cache of another kind; found {how.given}. Use model.generate."
            )
        fits(self, scene, gaze)
        if prefix is not None:
            prefix.must_suit(scene, gaze)
        steering = Steering([gaze], self.n_layers, self.n_heads)
        recorder = Recorder([scene.grid], records_for(record, 1), self.n_layers, self.n_heads)
        return stream(self, scene, steering, recorder, Listener(steering, self.decode, on_loop), how, prefix)

    def prepare(self, scene: EncodedInput) -> Prefix:
        """The scene's pictures encoded and its prompt run, once for many streams: see `gazeheads.prefix`."""
        fits(self, scene, None)
        return prepare(self, scene)

    @contextmanager
    def attached(self, gaze: Gaze | Sequence[Gaze | None]) -> Iterator[Steering]:
        """Steer whatever `model.hf` runs inside the block: for people with their own loop.

        One gaze for every row of the batch, or one for each row. Nested blocks add up; a head can be steered
        by one of them only. The probe in the `as` clause gives the proof of effect. Raises `NothingSteered`
        at the end of a block in which no attention row was steered.
        """
        steering = Steering(some(gaze), self.n_layers, self.n_heads)
        with attached(self.hf, steering):
            yield steering
        steering.must_have_steered()

    def last_row(
        self, scenes: Sequence[EncodedInput], batch_size: int | None = None, weigh: Weigh = "raw"
    ) -> list[Patterns]:
        """For each scene (layer, head, image token): what the last prompt token attends to, float32.

        Softmax over the whole prompt, so a head's entries sum to its mass on the pictures. Equal to eager
        `output_attentions` within rounding; NaN in layers without attention. weigh: as in `Record`.
        """
        return last_rows(self, scenes, [weigh], batch_size)[0]
