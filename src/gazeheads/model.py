"""A vision-language model that one can point: load, encode, generate. The only holder of device and dtype.

    model = gazeheads.load()                                   # the bundled model
    scene = model.encode(photo, "What is happening here?")
    model.generate(scene, gaze=Gaze(lever, at=scene.box(120, 40, 380, 300)))

Pictures and strings go in; float32 numpy and plain values come out.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, overload

import torch
from PIL import Image

from gazeheads.answering import answer, fits
from gazeheads.attention import attached
from gazeheads.decoding import collate
from gazeheads.errors import BadInput, GazeError, ModelError, RecordError
from gazeheads.families import Family, family, image_positions
from gazeheads.gaze import Gaze
from gazeheads.generation import Generation
from gazeheads.grid import Box, ImageGrid
from gazeheads.heads import Head, Heads, belong
from gazeheads.recording import Recorder
from gazeheads.records import Sample
from gazeheads.scenes import EncodedInput
from gazeheads.steering import Steering
from gazeheads.streaming import Token, stream
from gazeheads.trace import Patterns, Record

BUNDLED = "gazeheads/doodle-vl"  # the name of the model that ships with the package
Picture = Image.Image
Recorded = Record | Heads


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
        self.family: Family = family(hf.config.model_type)
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

    def fit(self, sample: Sample) -> Sample:
        """The sample drawn anew at the size that suits this model, where it can be (`Sample.fit`)."""
        return sample.fit(*self.family.panel_size(self.processor))

    def encode(
        self,
        pictures: Picture | Sequence[Picture],
        prompt: str,
        panels: Sequence[Box] | None = None,
        names: Sequence[str] = (),
    ) -> EncodedInput:
        """One or more pictures and a question about them. `panels`: boxes of picture 0, for `scene.panel(i)`.

        Raises `BadInput` for an empty prompt or a picture that the processor refuses.
        """
        pictures = [pictures] if isinstance(pictures, Picture) else list(pictures)
        if not prompt.strip():
            raise BadInput("The prompt is empty. Ask something about the picture.")
        if not pictures or not all(isinstance(picture, Picture) for picture in pictures):
            raise BadInput(f"Give one or more PIL pictures; found {[type(p).__name__ for p in pictures]}.")
        if names and len(names) != len(panels or ()):
            raise BadInput(
                f"{len(panels or ())} panels were given with {len(names)} names. Give one for each."
            )
        parts = [*({"type": "image"} for _ in pictures), {"type": "text", "text": prompt}]
        text = self.processor.apply_chat_template(
            [{"role": "user", "content": parts}], add_generation_prompt=True, tokenize=False
        )
        images = [picture.convert("RGB") for picture in pictures]
        try:
            inputs = self.processor(images=[images], text=[text], return_tensors="pt")
        except ValueError as error:
            sizes = ", ".join(f"{picture.width} x {picture.height} px" for picture in pictures)
            raise BadInput(
                f"The processor refuses a picture of {sizes} with this prompt: {str(error).rstrip('.')}. "
                "Use a picture of more usual proportions, and no image placeholders in the prompt."
            ) from error
        key = hashlib.sha256()
        for name in self.family.picture_inputs:
            key.update(inputs[name].numpy().tobytes())
        tensors = {name: value.to(self.hf.device) for name, value in inputs.items()}
        sizes_px = [picture.size for picture in pictures]
        grid = ImageGrid.from_views(
            tensors["input_ids"].shape[1],
            image_positions(inputs["input_ids"], self.hf.config.image_token_id).numpy(),
            self.family.views(self.processor, inputs, sizes_px),
            sizes_px,
        )
        positions = self.family.positions(self.hf, tensors)
        return EncodedInput(
            tensors, positions, grid, prompt, key.hexdigest(), tuple(panels or ()), tuple(names)
        )

    @overload
    def generate(
        self,
        scenes: EncodedInput,
        gaze: Gaze | None = None,
        *,
        record: Recorded | None = None,
        max_new_tokens: int = 100,
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
    ) -> Generation | list[Generation]:
        """The greedy answer to a scene, or those to many scenes, `batch_size` at a time (default: all at once).

        `gaze` steers; with many scenes it is a list, one entry for each scene (None: look freely). Every row
        of a batch is what it would be alone. `record`: heads, or a `Record`, for all scenes, or a list of them
        with an entry for each; what they looked at is in `answer.trace`. Raises `ForeignRegion` for a region of
        another scene, `WrongModel` for heads of another model, `NothingSteered` if a gaze steered no attention
        row at all.
        """
        if max_new_tokens < 1:
            raise BadInput(f"max_new_tokens={max_new_tokens}: an answer has at least one token.")
        if isinstance(scenes, EncodedInput):
            if gaze is not None and not isinstance(gaze, Gaze):
                raise GazeError("One scene was given with several gazes. Give one gaze, or a list of scenes.")
            return answer(self, [scenes], [gaze], _records(record, 1), max_new_tokens)[0]
        scenes = list(scenes)
        gazes = [gaze] * len(scenes) if gaze is None or isinstance(gaze, Gaze) else list(gaze)
        if len(gazes) != len(scenes):
            raise GazeError(
                f"{len(scenes)} scenes were given with {len(gazes)} gazes. Give one for each (None: look "
                "freely)."
            )
        records = _records(record, len(scenes))
        size = len(scenes) if batch_size is None else batch_size
        if size < 1 and scenes:
            raise BadInput(f"batch_size={batch_size}: a batch has at least one row.")
        answers: list[Generation] = []
        for start in range(0, len(scenes), max(size, 1)):
            part = slice(start, start + size)
            answers += answer(self, scenes[part], gazes[part], records[part], max_new_tokens)
        return answers

    def stream(
        self, scene: EncodedInput, gaze: Gaze | None = None, *, max_new_tokens: int = 100
    ) -> Iterator[Token]:
        """The greedy answer to a scene, token by token, with the time, the target and the mass on it.

        Where a `Live` target looks may be changed between tokens, or from another thread; the next token obeys.
        Drop the iterator to stop. The tokens are those of `generate`. Raises what `generate` raises, at once, but
        not `NothingSteered`: `token.after` tells.
        """
        if max_new_tokens < 1:
            raise BadInput(f"max_new_tokens={max_new_tokens}: an answer has at least one token.")
        if gaze is not None:
            fits(scene, gaze)
            belong(gaze.heads, self.n_layers, self.n_heads, "steered")
        return stream(self, scene, gaze, max_new_tokens)

    @contextmanager
    def attached(self, gaze: Gaze | Sequence[Gaze | None]) -> Iterator[Steering]:
        """Steer whatever `model.hf` runs inside the block: for people with their own loop.

        One gaze for every row of the batch, or one for each row. Nested blocks add up; a head can be steered
        by one of them only. The probe in the `as` clause gives the proof of effect. Raises `NothingSteered`
        at the end of a block in which no attention row was steered.
        """
        gazes = [gaze] if isinstance(gaze, Gaze) else list(gaze)
        steering = Steering(gazes, self.n_layers, self.n_heads)
        with attached(self.hf, steering):
            yield steering
        steering.must_have_steered()

    @torch.no_grad()
    def last_row(self, scenes: Sequence[EncodedInput], batch_size: int | None = None) -> list[Patterns]:
        """For each scene (layer, head, image token): what the last prompt token attends to, float32.

        Softmax over the whole prompt, so a head's entries sum to its mass on the pictures. Equal to eager
        `output_attentions` within rounding; NaN in layers without attention.
        """
        size = batch_size or len(scenes)
        every = Record(
            [Head(layer, head) for layer in range(self.n_layers) for head in range(self.n_heads)], "heads"
        )
        found: list[Patterns] = []
        for start in range(0, len(scenes), size or 1):
            part = scenes[start : start + size]
            grids = [scene.grid for scene in part]
            probe = Recorder(grids, [every] * len(part), self.n_layers, self.n_heads)
            batch = collate(self.hf, self.family, part, self.pad)
            with attached(self.hf, probe):
                self.hf(
                    **batch.rows,
                    **batch.features,
                    position_ids=batch.positions,
                    use_cache=False,
                    logits_to_keep=1,
                )
            found += [look.reshape(self.n_layers, self.n_heads, -1) for look in probe.looks([1] * len(part))]
        return found


def _records(record: Recorded | Sequence[Recorded | None] | None, n_scenes: int) -> list[Record | None]:
    """One entry for each scene. Heads alone are recorded as `Record(heads)`."""
    alike = record is None or isinstance(record, Record | Heads)
    given = [record] * n_scenes if alike else list(record)  # type: ignore[arg-type]
    if len(given) != n_scenes or not all(each is None or isinstance(each, Record | Heads) for each in given):
        raise RecordError(
            f"record={record!r} was given with {n_scenes} scenes. Give heads, a Record, or a list with one of these or "
            "None for each scene."
        )
    return [Record(each) if isinstance(each, Heads) else each for each in given]  # type: ignore[misc]


def load(
    path: str | Path | None = None, *, device: str | None = None, dtype: str | None = None, revision: str = ""
) -> GazeModel:
    """The bundled model, or the checkpoint in a folder or on the HuggingFace hub.

    device: "cpu", "cuda", ...; by default the GPU where there is one. dtype: "float32", "bfloat16", ...; by
    default float32 on the CPU and the checkpoint's own elsewhere. Raises `ModelError` or `UnknownFamily`.
    """
    from transformers import AutoConfig, AutoModelForImageTextToText

    from gazeheads.doodle import WEIGHTS

    place = WEIGHTS if path is None else path
    if path is None and not (WEIGHTS / "config.json").is_file():
        raise ModelError(
            f"The bundled model is not at {WEIGHTS}: this installation is incomplete. Install it again."
        )
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = dtype or ("float32" if device == "cpu" else "auto")
    extra: dict[str, Any] = {"revision": revision} if revision else {}
    try:
        config = AutoConfig.from_pretrained(place, **extra)
        known = family(config.model_type)
        hf: Any = AutoModelForImageTextToText.from_pretrained(
            place, dtype=dtype, attn_implementation="sdpa", **extra
        )
        hf = hf.to(device)
        processor = known.processor().from_pretrained(place, **extra)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"Model {str(place)!r} cannot be loaded: "
            f"{(str(error).splitlines() or ['no reason was given.'])[0]} Give a folder with a checkpoint, "
            "or a model id of the HuggingFace hub."
        ) from error
    name = BUNDLED if path is None else str(path)
    commit = revision or getattr(config, "_commit_hash", None) or ""
    return GazeModel(hf.eval(), processor, name, commit, is_bundled=path is None)
