"""Match an answer with captions by sentence embeddings: paraphrases that share no word with the caption.

The model is a local folder with a text encoder that transformers' `AutoModel` reads (BERT, MPNet and their like). A
text becomes the mean of its last hidden states, padding left out, at length 1: mean pooling, as sentence-transformers
does by default; a checkpoint that was trained with another pooling (its first token, say) needs another judge. A
region's score is the cosine with the nearest of its captions.

No real checkpoint was at hand when this was written: it was tested with tiny random ones. `THRESHOLD` and `MARGIN`
are guesses from what such cosines are known to be; calibrate before use.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModel, AutoTokenizer

from gazeheads.errors import JudgeError
from gazeheads.judging.captions import CaptionsJudge
from gazeheads.sample import Sample

THRESHOLD = 0.5
MARGIN = 0.05
KEPT = 256  # samples whose captions' embeddings are kept

Vectors = npt.NDArray[np.float64]


class Embeddings:
    """Match by the sentence embeddings of the encoder in folder `path`. Raises `JudgeError` where there is none."""

    def __init__(self, path: str | Path) -> None:
        if not Path(path).is_dir():
            raise JudgeError(
                f"Captions were to be matched by the encoder in {path}; there is no such folder. Download a text "
                "encoder with its tokenizer into a folder, or match by words: --judge captions."
            )
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
            self._encoder = AutoModel.from_pretrained(
                path, local_files_only=True, use_safetensors=True
            ).eval()
        except (OSError, ValueError, KeyError) as error:
            why = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise JudgeError(
                f"Captions were to be matched by the encoder in {path}; it cannot be read: {why.rstrip('.')}. Give a "
                "folder with config.json, model.safetensors and the tokenizer's files."
            ) from error
        context = getattr(self._encoder.config, "max_position_embeddings", self._tokenizer.model_max_length)
        self._longest = min(self._tokenizer.model_max_length, context)
        self._captions = lru_cache(KEPT)(self.embed)

    def scores(self, sample: Sample, answer: str) -> Vectors:
        """(region,) the cosine with the nearest wording, -1..1."""
        vectors = self._captions(tuple(wording for wordings in sample.captions for wording in wordings))
        near = vectors @ self.embed((answer,))[0]
        ends = np.cumsum([len(wordings) for wordings in sample.captions])[:-1]
        return np.array([part.max() for part in np.split(near, ends)])

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> Vectors:
        """(text, dim) vectors of length 1. Texts longer than the encoder's context are cut off there."""
        told = self._tokenizer(
            list(texts),
            padding=True,
            padding_side="right",  # places are counted from the left
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        )
        hidden = self._encoder(**told).last_hidden_state.double()
        mask = told["attention_mask"][..., None].double()
        vectors = (hidden * mask).sum(1) / mask.sum(1)
        found: Vectors = torch.nn.functional.normalize(vectors, dim=-1).numpy()
        return found


def from_spec(rest: str, samples: Iterable[Sample], options: dict[str, Any]) -> CaptionsJudge:
    """The judge `captions:ENCODER`."""
    return CaptionsJudge(Embeddings(rest), **{"threshold": THRESHOLD, "margin": MARGIN} | options)
