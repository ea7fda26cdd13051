"""A vision-language model that one can point: encode, generate, stream.

    model = gazeheads.load()                                   # the bundled model
    scene = model.encode(photo, "What is happening here?")
    model.generate(scene, gaze=Gaze(selected, at=scene.box(120, 40, 380, 300)))

Images and strings go in; float32 numpy and plain values come out.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, overload

import torch
from PIL import Image

from gazeheads.attention.recording import Recorded, Recorder, records_for
from gazeheads.attention.seam import attached
from gazeheads.attention.steering import Steering
from gazeheads.checks import several
from gazeheads.errors import GazeError, UsageError
from gazeheads.gaze.gaze import Gaze
from gazeheads.gaze.record import Weighting
from gazeheads.gaze.trace import Patterns
from gazeheads.model.answer import answer
from gazeheads.model.backbone import Backbone
from gazeheads.model.batches import as_gazes, as_scenes, batches, gazes_for
from gazeheads.model.encoding import encode
from gazeheads.model.generation import Generation
from gazeheads.model.last_row import last_rows
from gazeheads.model.loops import Listener, OnLoop
from gazeheads.model.prefill import Prefill, prefill
from gazeheads.model.sampling import choice
from gazeheads.model.scene import Scene
from gazeheads.model.stream import Token, stream
from gazeheads.regions.grid import Box

ATTACHED = "model.attached takes a Gaze, or a list of them with None for rows that are unsteered"


class GazeModel(Backbone):
    """A model and its processor. `hf` is the transformers model, for people with their own loop.

    stop, pad: token ids that end an answer, and the one that fills up rows. is_bundled: whether this is the
    model that ships with the package.
    """

    def encode(
        self,
        images: Image.Image | Sequence[Image.Image],
        prompt: str,
        panels: Sequence[Box] | None = None,
        names: Sequence[str] = (),
        **settings: Any,
    ) -> Scene:
        """One or more images and a question about them. `panels`: boxes of image 0, for `scene.panel(i)`.

        settings: keywords of the processor, such as `do_pan_and_scan=True`. Raises `UsageError` for an empty prompt, a
        image that the processor refuses, or one of which less than 99% reaches the model.
        """
        return encode(self, images, prompt, panels, names, settings)

    @overload
    def generate(
        self,
        scenes: Scene,
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
        scenes: Sequence[Scene],
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
        scenes: Scene | Sequence[Scene],
        gaze: Gaze | Sequence[Gaze | None] | None = None,
        *,
        record: Recorded | Sequence[Recorded | None] | None = None,
        max_new_tokens: int = 100,
        batch_size: int | None = None,
        on_loop: OnLoop = "ignore",
        **settings: Any,
    ) -> Generation | list[Generation]:
        """The answer to a scene, or those to many scenes, `batch_size` at a time (default: all at once).

        gaze: steers; with many scenes a list, one entry for each (None: unsteered). Every row of a batch is what it
        would be alone. record: heads, or a `Record`, for all scenes, or a list of them with an entry for each; what
        they looked at is in `answer.trace`. on_loop: what to do with an answer that runs in circles
        (`gazeheads.model.loops`). settings: keywords of transformers' `generate`, and `generator`; greedy without them
        (`gazeheads.model.sampling`).

        Raises `ForeignRegion` for a region of another scene, `ForeignScene` for a scene of another model, `WrongModel`
        for heads of another model, `UsageError` for settings that cannot be meant, `NothingSteered` if a gaze steered
        no attention row at all, as where an answer ends before the first token that its gaze is for.
        """
        single = isinstance(scenes, Scene)
        if single and isinstance(gaze, list | tuple):
            raise GazeError("One scene was given with several gazes. Give one gaze, or a list of scenes.")
        scenes = as_scenes(self, [scenes] if single else scenes, "model.generate")
        gazes, records = gazes_for(scenes, gaze), records_for(record, len(scenes))
        how = choice(settings, self.stop, self.pad, max_new_tokens, len(scenes))
        answers: list[Generation] = []
        for part in batches(len(scenes), batch_size):
            mine, first_row = how.of(part, len(scenes)), None if single else part.start
            answers += answer(self, scenes[part], gazes[part], records[part], mine, on_loop, first_row)
        return answers[0] if single else answers

    def stream(
        self,
        scene: Scene,
        gaze: Gaze | None = None,
        *,
        record: Recorded | None = None,
        max_new_tokens: int = 100,
        on_loop: OnLoop = "ignore",
        prefill: Prefill | None = None,
        **settings: Any,
    ) -> Iterator[Token]:
        """The answer to a scene, token by token, with time, target, attention mass on it, and where `record` looked.

        Where a `Live` target looks may be changed between tokens, or from another thread; the next token obeys.
        Drop the iterator to stop. The tokens are those of `generate`, which takes the same settings. Raises what
        `generate` raises, at once, but not `NothingSteered`: `token.after` tells. prefill: what `prefill` made of this
        scene; then the first token takes one step, as every other does.
        """
        how = choice(settings, self.stop, self.pad, max_new_tokens, 1)
        if how.searches:
            raise UsageError(
                f"A stream has no beams and no cache of another kind; found {how.given}. Use model.generate."
            )
        as_scenes(self, [scene], "model.stream")
        gazes_for([scene], [gaze])
        if prefill is not None:
            prefill.must_suit(scene, gaze)
        steering = Steering([gaze], self.n_layers, self.n_heads)
        recorder = Recorder([scene.grid], records_for(record, 1), self.n_layers, self.n_heads)
        return stream(self, scene, steering, recorder, Listener(steering, self.decode, on_loop), how, prefill)

    def prefill(self, scene: Scene) -> Prefill:
        """The scene's images encoded and its prompt run, once for many streams: see `gazeheads.model.prefill`."""
        return prefill(self, *as_scenes(self, [scene], "model.prefill"))

    @contextmanager
    def attached(self, gaze: Gaze | Sequence[Gaze | None]) -> Iterator[Steering]:
        """Steer whatever `model.hf` runs inside the block: for people with their own loop.

        One gaze for every row of the batch, or one for each row. Nested blocks add up; a head can be steered
        by one of them only. The probe in the `as` clause gives the proof of effect. Raises `NothingSteered`
        at the end of a block in which no attention row was steered.
        """
        gazes = as_gazes(gaze, 1 if isinstance(gaze, Gaze) else len(several(gaze, ATTACHED, GazeError)))
        if not any(gazes):
            raise GazeError(f"{ATTACHED}; found none. Give Gaze(heads, region).")
        steering = Steering(gazes, self.n_layers, self.n_heads)
        with attached(self.hf, steering):
            yield steering
        steering.must_have_steered()

    def last_row(
        self, scenes: Sequence[Scene], batch_size: int | None = None, weighting: Weighting = "raw"
    ) -> list[Patterns]:
        """For each scene (layer, head, image token): what the last prompt token attends to, float32.

        Softmax over the whole prompt, so a head's entries sum to its attention mass on the images. Equal to eager
        `output_attentions` within rounding; NaN in layers without attention. weighting: as in `Record`.
        """
        return last_rows(self, scenes, [weighting], batch_size)[0]
