"""Pages whose Python runs: every ```python block of a page, top to bottom, as one program.

What a page says its code gives is a *claim*, and is compared with what the code gives:

- an expression with `# -> value` behind it: its `repr`;
- a ```text block right after a Python block: what that block printed.

White space does not count. A number with decimals agrees if it rounds to what is printed; what was printed before
it is compared may be off by one in the last digit, since rounding may fall otherwise on another machine. All else
is compared letter by letter.

    python docs/pages.py docs/concepts.md README.md     # writes the values of today into the pages
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

MARK = "# -> "
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[+-]?\d+)?")
_PRINTED, _VALUE = 1.01, 0.51  # how far off a number may be, in units of the last digit that the page prints


class PageError(AssertionError):
    """A page that does not run, or cannot be checked."""


@dataclass(frozen=True)
class Block:
    """Python between two fences, its first line's number (from 1), and the lines of the text after it, if any."""

    code: str
    line: int
    output: tuple[int, int] | None


@dataclass(frozen=True)
class Claim:
    """What the page says at lines `start` to `stop` (from 1, half-open), and what was found."""

    start: int
    stop: int
    said: str
    found: str
    printed: bool

    @property
    def holds(self) -> bool:
        """Whether the page is right."""
        return agree(self.said, self.found, _PRINTED if self.printed else _VALUE)

    def __str__(self) -> str:
        return f"line {self.start}: the page says\n{self.said}\nfound was\n{self.found}"


def blocks(text: str) -> Iterator[Block]:
    """The Python blocks of a page, in order."""
    lines = text.splitlines()
    fences = [number for number, line in enumerate(lines) if line.startswith("```")]
    if len(fences) % 2:
        raise PageError("A fence is not closed. Give every ``` its end.")
    pairs = list(zip(fences[::2], fences[1::2], strict=True))
    for (start, stop), following in zip(pairs, [*pairs[1:], None], strict=True):
        if lines[start] == "```python":
            output = None
            if following and lines[following[0]] == "```text" and not any(lines[stop + 1 : following[0]]):
                output = following[0] + 2, following[1] + 1
            yield Block("\n".join(lines[start + 1 : stop]), start + 2, output)


def run(path: Path, names: dict[str, Any] | None = None) -> list[Claim]:
    """Run the page in a folder of its own; all that it claims. `names` holds the program's variables afterwards.

    A block that prints and has no text block after it claims nothing about what it printed. Raises `PageError`,
    naming the block, where the page does not run.
    """
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    names = {} if names is None else names
    claims: list[Claim] = []
    with TemporaryDirectory() as folder:
        for block in blocks(text):
            printed = io.StringIO()
            try:
                with chdir(folder), redirect_stdout(printed):
                    claims += _run(block, names, path)
            except PageError:
                raise
            except Exception as error:
                raise PageError(
                    f"{path.name}, the block at line {block.line}: {type(error).__name__}: {error}"
                ) from error
            if block.output:
                start, stop = block.output
                claims.append(
                    Claim(start, stop, "\n".join(lines[start - 1 : stop - 1]), printed.getvalue(), True)
                )
    return claims


def _run(block: Block, names: dict[str, Any], path: Path) -> Iterator[Claim]:
    """Statement by statement; line numbers are those of the page."""
    code = "\n" * (block.line - 1) + block.code
    said = {
        token.start[0]: token.string.removeprefix(MARK)
        for token in tokenize.generate_tokens(io.StringIO(code).readline)
        if token.type == tokenize.COMMENT and token.string.startswith(MARK)
    }
    for statement in ast.parse(code, str(path)).body:
        line = statement.end_lineno or statement.lineno
        if line in said and isinstance(statement, ast.Expr):
            value = eval(compile(ast.Expression(statement.value), str(path), "eval"), names)
            yield Claim(line, line + 1, said.pop(line), spelled(value), False)
        else:
            exec(compile(ast.Module([statement], []), str(path), "exec"), names)
    if said:
        raise PageError(f"{path.name}, line {min(said)}: a value is promised, but no expression ends there.")


def spelled(value: object) -> str:
    """The `repr` of a value; numpy's numbers in full."""
    if isinstance(value, np.ndarray):
        return np.array2string(value, floatmode="unique", threshold=sys.maxsize, max_line_width=sys.maxsize)
    return repr(value.item() if isinstance(value, np.generic) else value)


def agree(said: str, found: str, units: float) -> bool:
    """Whether a page is right; see the module."""
    if _rest(said) != _rest(found):
        return False
    pairs = zip(_NUMBER.findall(said), _NUMBER.findall(found), strict=True)
    return all(_near(one, other, units) for one, other in pairs)


def _near(said: str, found: str, units: float) -> bool:
    """Whether a number is the one that the page prints; whole numbers are exact."""
    if "." not in said or not {".", "e"} & set(found):
        return said == found
    last = float(f"1e{said.partition('e')[2] or 0}") * 10.0 ** -_decimals(said)
    return abs(float(said) - float(found)) <= (units * last if _decimals(said) else 0)


def renew(path: Path) -> int:
    """Write what was found into the page, in place of what was said and does not hold; how often."""
    lines = path.read_text(encoding="utf-8").splitlines()
    wrong = [claim for claim in run(path) if not claim.holds]
    for claim in sorted(wrong, key=lambda claim: -claim.start):
        if claim.printed:
            lines[claim.start - 1 : claim.stop - 1] = claim.found.rstrip("\n").split("\n")
        else:
            before = lines[claim.start - 1].rpartition(MARK)[0]
            lines[claim.start - 1] = before + MARK + _shortened(claim)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(wrong)


def _shortened(claim: Claim) -> str:
    """What was found, with as many decimals as the page had."""
    digits = [_decimals(number) for number in _NUMBER.findall(claim.said)]
    if _rest(claim.said) != _rest(claim.found):
        digits = [max(digits, default=2)] * len(_NUMBER.findall(claim.found))
    places = iter(digits)

    def short(found: re.Match[str]) -> str:
        place = next(places)
        return f"{float(found[0]):.{place}f}" if "." in found[0] else found[0]

    return re.sub(r"\s+(?=\])", "", " ".join(_NUMBER.sub(short, claim.found).split()))


def _rest(text: str) -> str:
    """All but numbers and white space, with a sign where a number stood."""
    return re.sub(r"\s+", "", _NUMBER.sub("#", text))


def _decimals(number: str) -> int:
    return len(number.partition("e")[0].partition(".")[2])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {renew(Path(name))} values renewed")
