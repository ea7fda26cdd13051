"""Loading checkpoints: what is read, and one clear error for each that cannot be."""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from families_shared import IGNORED
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, LlamaConfig, LlavaConfig
from zoo_families import ZOO, zoo

from gazeheads.errors import MissingPackage, ModelError, NotSwitched, UnknownFamily, UsageError
from gazeheads.model import loading
from gazeheads.model.loading import load
from gazeheads.model.model import GazeModel

pytestmark = IGNORED
LOADABLE = [name for name in ZOO if name != "cohere2_vision"]  # its processor needs torchvision


@pytest.fixture
def checkpoint(model: GazeModel, tmp_path: Path) -> Path:
    model.hf.save_pretrained(tmp_path)
    model.processor.save_pretrained(tmp_path)
    return tmp_path


def changed(path: Path, **settings: Any) -> None:
    """Set entries of config.json; a dict is merged into the entry that is there."""
    config = json.loads((path / "config.json").read_text())
    for name, value in settings.items():
        config[name] = config.get(name, {}) | value if isinstance(value, dict) else value
    (path / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("name", LOADABLE)
def test_a_checkpoint_of_every_family_loads_without_torchvision(name: str, tmp_path: Path) -> None:
    made, more = zoo(name), ZOO[name].settings
    made.hf.save_pretrained(tmp_path)
    made.processor.save_pretrained(tmp_path)
    loaded = load(tmp_path, device="cpu")
    assert loaded.family is made.family
    one, other = (each.encode(tiny.noise(168, 56), "What?", **more) for each in (made, loaded))
    assert one.grid == other.grid
    assert {*one.tensors} == {*other.tensors}
    assert all(torch.equal(one.tensors[key], other.tensors[key]) for key in one.tensors)
    assert (
        loaded.generate(other, max_new_tokens=2).token_ids == made.generate(one, max_new_tokens=2).token_ids
    )


@pytest.mark.parametrize("config", [LlamaConfig(), CLIPConfig()], ids=["text", "clip"])
def test_a_model_of_another_kind_is_refused(config: Any, tmp_path: Path) -> None:
    config.save_pretrained(tmp_path)
    why = (
        "has no vision tower"
        if config.model_type == "llama"
        else "not known which pixels its image tokens see"
    )
    with pytest.raises(
        UnknownFamily, match=f"Model type '{config.model_type}' is not known: .*{why}.*docs/families.md"
    ):
        load(tmp_path)


def test_a_known_family_with_an_unknown_vision_tower_is_refused(tmp_path: Path) -> None:
    LlavaConfig(vision_config={"model_type": "dinov2"}).save_pretrained(tmp_path)
    with pytest.raises(
        UnknownFamily, match="vision tower is of type 'dinov2'; known .*clip_vision_model, pixtral"
    ):
        load(tmp_path)


def test_a_missing_shard_is_named(model: GazeModel, tmp_path: Path) -> None:
    model.hf.save_pretrained(tmp_path, max_shard_size="200KB")
    model.processor.save_pretrained(tmp_path)
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    shards[1].unlink()
    with pytest.raises(ModelError, match=f"cannot be loaded: .*{shards[1].name}"):
        load(tmp_path, device="cpu")


def test_missing_weights_are_not_made_up(checkpoint: Path) -> None:
    file = checkpoint / "model.safetensors"
    weights = load_file(file)
    lost = [name for name in weights if "layers.1.self_attn.q_proj" in name]
    save_file({name: weight for name, weight in weights.items() if name not in lost}, file, {"format": "pt"})
    with pytest.raises(
        ModelError, match=r"1 of its weights are in none of its files \(.*layers.1.self_attn.q_proj"
    ):
        load(checkpoint, device="cpu")


def test_weights_in_pickles_are_not_read(model: GazeModel, checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    torch.save(model.hf.state_dict(), checkpoint / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded: .*safetensors"):
        load(checkpoint, device="cpu")


def test_a_folder_without_a_processor_is_refused(model: GazeModel, tmp_path: Path) -> None:
    model.hf.save_pretrained(tmp_path)
    with pytest.raises(
        ModelError, match="The weights were read, but not the processor: give .*preprocessor_config"
    ):
        load(tmp_path, device="cpu")


def test_an_unknown_rope_type_is_refused(checkpoint: Path) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    config["text_config"]["rope_parameters"]["rope_type"] = "spiral"
    (checkpoint / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="cannot be loaded: .*spiral.*known configuration"):
        load(checkpoint, device="cpu")


def test_code_that_comes_with_a_checkpoint_does_not_run(checkpoint: Path) -> None:
    (checkpoint / "code.py").write_text("raise SystemExit('it ran')")
    changed(checkpoint, model_type="strange", auto_map={"AutoConfig": "code.Config"})
    with pytest.raises(
        ModelError, match="contains custom code .*If you trust that code, pass trust_remote_code=True"
    ):
        load(checkpoint)


def test_a_model_outside_the_attention_interface_is_refused(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import Qwen3VLForConditionalGeneration

    monkeypatch.setattr(Qwen3VLForConditionalGeneration, "set_attn_implementation", lambda *_: None)
    with pytest.raises(NotSwitched, match="does not follow transformers' attention interface"):
        load(checkpoint, device="cpu")


def test_settings_that_cannot_be_meant(checkpoint: Path) -> None:
    with pytest.raises(UsageError, match='dtype="big" is not a type of numbers'):
        load(checkpoint, device="cpu", dtype="big")
    with pytest.raises(UsageError, match='quantization="3bit" is not known. Use "4bit"'):
        load(checkpoint, device="cpu", quantization="3bit")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="bitsandbytes needs a GPU"):
        load(checkpoint, device="cpu", quantization="4bit")


def test_extras_that_are_not_installed_are_named(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "find_spec", lambda package: None)
    with pytest.raises(
        MissingPackage, match=r'needs accelerate; it is not installed. .*pip install "gazeheads\[gpus\]"'
    ):
        load(checkpoint, device="all")
    with pytest.raises(MissingPackage, match=r'needs bitsandbytes; .*pip install "gazeheads\[4bit\]"'):
        load(checkpoint, device="cuda", quantization="4bit")


def test_what_is_asked_of_transformers_for_gpus_and_four_bits(
    model: GazeModel, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither can run here: this looks at the keywords only."""
    asked: list[dict[str, Any]] = []

    def from_pretrained(_: Any, **settings: Any) -> tuple[Any, dict[str, Any]]:
        asked.append(settings)
        return model.hf, {"missing_keys": set()}

    monkeypatch.setattr(loading, "find_spec", lambda package: True)
    monkeypatch.setattr(loading.AutoModelForImageTextToText, "from_pretrained", from_pretrained)
    load(checkpoint, device="all")
    load(checkpoint, device="cuda:1", quantization="4bit", revision="abc")
    assert asked[0]["device_map"] == "auto"
    assert "quantization_config" not in asked[0]
    assert asked[0]["dtype"] == "auto"
    assert asked[1]["device_map"] == {"": "cuda:1"}
    assert asked[1]["quantization_config"].load_in_4bit
    assert asked[1]["revision"] == "abc"
    assert all(each["use_safetensors"] and each["trust_remote_code"] is False for each in asked)


def test_on_the_cpu_a_checkpoint_in_bfloat16_is_computed_in_float32(checkpoint: Path) -> None:
    file = checkpoint / "model.safetensors"
    save_file({k: v.to(torch.bfloat16) for k, v in load_file(file).items()}, file, {"format": "pt"})
    changed(checkpoint, dtype="bfloat16")
    assert load(checkpoint, device="cpu").hf.dtype == torch.float32
    assert load(checkpoint, device="cpu", dtype="bfloat16").hf.dtype == torch.bfloat16


def test_a_device_that_is_not_here_is_one_clear_error() -> None:
    with pytest.raises(
        ModelError, match='The model was to run on "cuda:99": give a device that PyTorch has here'
    ):
        load(device="cuda:99")
