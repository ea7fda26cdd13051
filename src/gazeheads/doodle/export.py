"""Make a checkpoint a normal HuggingFace folder: `python -m gazeheads.doodle.export CHECKPOINT FOLDER`.

Weights are stored in bfloat16. Model, tokenizer and image processor load by their Auto classes.
"""

import argparse
import json
from pathlib import Path

import torch
from transformers import GenerationConfig, PreTrainedTokenizerFast

from gazeheads.doodle.build import MERGE, PATCH, build_config, build_image_processor, build_model
from gazeheads.families.processors import image_only


def export(checkpoint: Path, folder: Path, shape: dict[str, int]) -> None:
    """Write the folder. Raises if the checkpoint's tensors are not those of the shape."""
    from transformers import Qwen3VLProcessor

    tokenizer = PreTrainedTokenizerFast.from_pretrained(checkpoint.parent / "tokenizer")
    model = build_model(build_config(tokenizer, **shape), 0)
    model.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["model"])
    model = model.to(torch.bfloat16)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, do_sample=False
    )
    model.save_pretrained(folder)
    images = build_image_processor()
    processor = image_only(Qwen3VLProcessor)(
        image_processor=images,
        tokenizer=tokenizer,
        video_processor=None,
        chat_template=tokenizer.chat_template,
    )
    processor.save_pretrained(folder)
    # AutoProcessor, where torchvision is installed, wants to know how videos would be cut.
    video = {
        "video_processor_type": "Qwen3VLVideoProcessor",
        "patch_size": PATCH,
        "merge_size": MERGE,
        "temporal_patch_size": 2,
        "size": images.size,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    (folder / "video_preprocessor_config.json").write_text(json.dumps(video, indent=2, default=dict) + "\n")


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--shape", nargs="*", default=[], metavar="KEY=N", help="the shape it was trained with"
    )
    args = parser.parse_args()
    export(args.checkpoint, args.folder, {k: int(v) for k, v in (item.split("=") for item in args.shape)})


if __name__ == "__main__":
    main()
