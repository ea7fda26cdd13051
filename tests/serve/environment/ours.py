"""What our own engine answers to the requests of `test_vllm.py`, as JSON: run in the package's own environment.

    python ours.py 4 cases.json

A case is a request as a client of the server would send it, and the answer, its tokens' log-probabilities, the proof of
effect and where the heads looked. See CASES for what is asked.
"""

import base64
import io
import json
import sys
from typing import Any

import torch
from PIL import Image

import gazeheads as gh
from gazeheads.model.bundled import HEADS
from gazeheads.serve.resolve import gaze_of
from gazeheads.serve.schema import read

QUESTION = "What is happening in this comic?"
TOKENS = 15
PUSHES = ("focus", "uniform", "reweigh")
SCOPES = ("all", "answer", "decode")
SEED = 77


def main(n_strips: int, path: str) -> None:
    """Write the cases of so many strips."""
    torch.set_num_threads(1)
    model = gh.load(dtype="float32")
    heads = gh.Heads.load(HEADS)
    strips = gh.doodles(n=max(n_strips, 2), seed=SEED)
    batches = [of_strip(number, strip) for number, strip in enumerate(strips[:n_strips])]
    batches += [[case] for case in others(strips[:2])]
    with torch.no_grad():
        answered = [case for batch in batches for case in answers(model, heads, batch)]
    for case in answered:
        case["images"] = [png(image) for image in case["images"]]
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(answered, file)


def of_strip(number: int, strip: Any) -> list[dict[str, Any]]:
    """One unsteered request, and one for each push, scope and panel."""
    common = {"images": [strip.image]}
    cases = [{**common, "name": f"strip {number}", "gaze": None}]
    for push in PUSHES:
        for during in SCOPES:
            for panel in range(len(strip.boxes)):
                gaze = {**pixels([strip]), "at": {"panel": panel}, "push": push, "during": during}
                cases.append({**common, "name": f"strip {number} {push} {during} {panel}", "gaze": gaze})
    return cases


def others(strips: Any) -> list[dict[str, Any]]:
    """What else a request may ask: biases, masks, mixes, shares, schedules, weights, two images."""
    one, two = strips
    left, right = {"box": [0, 0, 0.42, 1]}, {"box": [0.58, 0, 1, 1]}
    turns = {"stops": [left, None, right], "starts": [1, 4, 6]}
    asked: dict[str, dict[str, Any]] = {
        "bias": {"at": left, "push": "bias(3, -2, text=-1, generated=0.5)"},
        "mask": {"at": {"mask": [[0, 0.5, 1], [0, 1, 0.25]]}, "give": ["effect", "trace"]},
        "mix": {"at": {"mix": [left, {"box": [0.9, 0, 1, 1]}], "weights": [3, 1]}},
        "except": {"at": {**left, "except": True, "coverage": "centre"}},
        "grown": {"at": {"box": [0.5, 0.5, 0.51, 0.52], "min_tokens": 3}},
        "schedule": {"at": turns, "during": "answer", "give": ["effect", "trace"]},
        "repeats": {"at": {"stops": [left, right], "starts": [0, 2], "period": 5}, "push": "uniform"},
        "weights": {"at": right, "heads": ["L4H4", "L5H2", "L7H9"], "weights": [1, 0.5, 0]},
        "away": {"at": right, "heads": ["L4H4", "L5H2"], "push": "bias(2)", "weights": [1, -2]},
        "top": {"at": left, "heads": {"file": "default", "top": 3}, "during": "decode"},
    }
    least = {"schema": 1, "heads": "default"}
    cases = [{"name": name, "images": [one.image], "gaze": {**least, **more}} for name, more in asked.items()]
    for image in (0, 1):
        for push in PUSHES:
            gaze = {**least, "at": {**left, "image": image}, "push": push}
            cases.append({"name": f"image {image} {push}", "images": [one.image, two.image], "gaze": gaze})
    return cases


def pixels(strips: Any) -> dict[str, Any]:
    """A request that names panels by their boxes."""
    panels = [list(box.corners) for box in strips[0].boxes]
    sizes = [list(strip.image.size) for strip in strips]
    return {"schema": 1, "heads": "default", "panels": panels, "units": "pixels", "sizes": sizes}


def answers(model: Any, heads: Any, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases of one scene with what is answered to each: greedy, with the log-probability of each token."""
    scene, n = model.encode(cases[0]["images"], QUESTION), len(cases)
    asked = [None if case["gaze"] is None else read(case["gaze"]) for case in cases]
    shape = {"default": heads}, model.n_layers, model.n_heads
    gazes = [None if each is None else gaze_of(each, scene.grid, *shape) for each in asked]
    tensors = {name: value.repeat(n, *[1] * (value.ndim - 1)) for name, value in scene.tensors.items()}
    settings = dict(max_new_tokens=TOKENS, do_sample=False, return_dict_in_generate=True, output_logits=True)
    with model.attached(gazes) as steering:
        made = model.hf.generate(**tensors, **settings)
    rows = [
        _until(row, model.hf.generation_config.eos_token_id)
        for row in made.sequences[:, scene.n_prompt :].tolist()
    ]
    effects = steering.effects([len(row) for row in rows])
    answered = []
    for at, (case, tokens, gaze) in enumerate(zip(cases, rows, gazes, strict=True)):
        chosen = [made.logits[t][at].log_softmax(-1)[token].item() for t, token in enumerate(tokens)]
        told = {**case, "text": model.decode(tokens), "logprobs": chosen}
        if gaze is not None:
            told["effect"] = effects[at].to_json()
            if "trace" in asked[at].give:
                record = gh.Record(gaze.heads)
                told["trace"] = model.generate(
                    scene, gaze=gaze, record=record, max_new_tokens=TOKENS
                ).trace.mean.tolist()
        answered.append(told)
    return answered


def _until(tokens: list[int], end: int) -> list[int]:
    """The tokens up to the first end token, which is one of them."""
    return tokens[: tokens.index(end) + 1] if end in tokens else tokens


def png(image: Image.Image) -> str:
    """As a data URL."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
