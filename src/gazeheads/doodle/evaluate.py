"""Measure what Doodle-VL has learned: `python -m gazeheads.doodle.evaluate [--split test] [--model FOLDER]`.

Nothing is steered here. Answers are judged by the rules judge; a panel is *fully right* when action, object and
setting all are. Prints the model card's table as Markdown, or JSON with `--json`.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from gazeheads import prompts
from gazeheads.drawing.draws import shuffled
from gazeheads.drawing.grammar import Split
from gazeheads.drawing.scenes import scenes
from gazeheads.drawing.strips import LETTERS, doodles
from gazeheads.judging.rules import SLOTS, RulesJudge
from gazeheads.model.loading import load
from gazeheads.model.model import GazeModel
from gazeheads.sample import Sample
from gazeheads.statistics import Estimate, estimate, spearman
from gazeheads.text import a

JUDGE = RulesJudge()
Question = tuple[Sample, str, object]  # the sample, the question, the truth


class Row(NamedTuple):
    """One line of the model card's table."""

    task: str
    prompt: str
    measure: str
    result: Estimate
    goal: float | None


def ask(model: GazeModel, questions: Sequence[Question], budget: int, batch: int = 48) -> list[str]:
    """The model's greedy answers, unsteered."""
    texts: list[str] = []
    for start in range(0, len(questions), batch):
        scenes_ = [model.encode(model.resized(s).image, q) for s, q, _ in questions[start : start + batch]]
        texts += [g.text for g in model.generate(scenes_, max_new_tokens=budget)]
        print(f"\r{start + len(scenes_)} of {len(questions)} answers", end="", file=sys.stderr)
    print(file=sys.stderr)
    return texts


def panel_right(sample: Sample, i: int, text: str) -> float:
    """1 if the text says action, object and setting of panel i and no others, else 0."""
    verdict = JUDGE.judge(sample, text)
    return float(verdict.region == i and verdict.all_slots)


def panel_queries(samples: Sequence[Sample]) -> list[Question]:
    """The paper's question about every panel."""
    return [(s, prompts.panel_query(k + 1, len(s.boxes)), k) for s in samples for k in range(len(s.boxes))]


def measure(
    model: GazeModel,
    questions: Sequence[Question],
    budget: int,
    score: Callable[[Sample, object, str], float | None],
) -> Estimate:
    """The mean score with its interval over images."""
    texts = ask(model, questions, budget)
    outcomes = {
        (s.id, i): score(s, truth, text)
        for i, ((s, _, truth), text) in enumerate(zip(questions, texts, strict=True))
    }
    return estimate(outcomes, np.random.default_rng(0))


def sentences(text: str) -> list[str]:
    """A narration cut at its full stops, without "Panel k:"."""
    return [part.split(":")[-1].strip() for part in text.split(".") if part.strip()]


def evaluate(model: GazeModel, split: Split, n: int, seed: int) -> list[Row]:
    """All rows of the table, each on `n` images (half as many for the smaller rows)."""
    rng = random.Random(f"evaluate/{seed}")
    rows: list[Row] = []
    six = doodles(n, seed, split)

    def add(
        task: str,
        prompt: str,
        name: str,
        questions: Sequence[Question],
        budget: int,
        score: Callable[[Sample, object, str], float | None],
        goal: float | None = None,
    ) -> None:
        rows.append(Row(task, prompt, name, measure(model, questions, budget, score), goal))
        print(rows[-1].task, rows[-1].result, file=sys.stderr)

    def right(s: Sample, truth: object, text: str) -> float:
        return panel_right(s, int(str(truth)), text)

    add("panel query, 6 panels", "the paper's", "all slots right", panel_queries(six), 24, right, 0.95)
    for panels in (3, 4, 5, 8):
        strips = doodles(max(1, n // 2), seed, split, panels=panels)
        add(
            f"panel query, {panels} panels",
            "the paper's",
            "all slots right",
            panel_queries(strips),
            24,
            right,
            0.9,
        )

    def order_of(s: Sample, text: str) -> list[int]:
        said = [JUDGE.judge(s, part).region for part in sentences(text)]
        return [region for region in said if region is not None]

    def slots_right(s: Sample, truth: object, text: str) -> float:
        order: Sequence[int] = truth  # type: ignore[assignment]
        parts = [*sentences(text), *[""] * len(order)][: len(order)]
        said = [JUDGE.said(part) for part in parts]
        hits = [said[j][slot] == {s.slots[i][slot]} for j, i in enumerate(order) for slot in SLOTS]
        return sum(hits) / len(hits)

    def follows(s: Sample, truth: object, text: str) -> float | None:
        order: Sequence[int] = truth  # type: ignore[assignment]
        said = order_of(s, text)
        places = [order.index(region) for region in said]
        return spearman(list(range(len(places))), places)

    forward: list[Question] = [(s, prompts.NARRATE, tuple(range(6))) for s in six]
    reverse: list[Question] = [(s, prompts.NARRATE_REVERSE, tuple(range(6))[::-1]) for s in six]
    stated: list[Question] = []
    for s in six:
        order = tuple(shuffled(rng, range(6)))
        stated.append(
            (s, f"Describe the panels in this order: {', '.join(str(i + 1) for i in order)}.", order)
        )
    for task, questions, goal in (
        ("in order", forward, 0.98),
        ("in reverse", reverse, 0.95),
        ("stated", stated, 0.95),
    ):
        texts = ask(model, questions, 120)
        for name, score, least in (
            ("slots right", slots_right, 0.95),
            ("Spearman with the order", follows, goal),
        ):
            outcomes = {(q[0].id, 0): score(q[0], q[2], t) for q, t in zip(questions, texts, strict=True)}
            rows.append(
                Row(f"narration {task}", "", name, estimate(outcomes, np.random.default_rng(0)), least)
            )
            print(rows[-1].task, rows[-1].result, file=sys.stderr)

    labelled = doodles(n, seed, split, labels=LETTERS)
    for prefix, turn in (("", 1), (prompts.IN_REVERSE, -1)):
        asked: list[Question] = []
        for s in labelled:
            for k in range(6):
                question = prompts.label_query(k + 1)
                question = prefix + question[0].lower() + question[1:] if prefix else question
                asked.append((s, question, s.letters[::turn][k]))
        name = "letter on the k-th panel" + (", in reverse" if prefix else "")
        add(name, "the paper's", "right", asked, 4, lambda s, t, text: float(text.strip(" .") == t), 0.95)

    views = scenes(n, seed, split)

    def f1(s: Sample, truth: object, text: str) -> float:
        said, true = {p.strip() for p in text.strip(" .").split(",")}, {a(name) for name in s.names}
        return 2 * len(said & true) / (len(said) + len(true))

    add(
        "scene, list objects",
        prompts.LIST_OBJECTS,
        "F1",
        [(s, prompts.LIST_OBJECTS, 0) for s in views],
        48,
        f1,
        0.9,
    )

    def names_main(s: Sample, truth: object, text: str) -> float:
        areas = [b.area for b in s.boxes]
        return float(text.strip(" .") == a(s.names[areas.index(max(areas))]))

    add(
        "scene, main object",
        prompts.MAIN_OBJECT,
        "right",
        [(s, prompts.MAIN_OBJECT, 0) for s in views],
        12,
        names_main,
    )

    found: list[Question] = []
    for s in six:
        found += [(s, f"Which panel shows {a(s.slots[i]['object'])}?", f"Panel {i + 1}.") for i in range(6)]
    add("which panel shows X", "by object", "right", found, 6, lambda s, t, text: float(text.strip() == t))
    counted = [
        (s, "How many panels are there?", f"{k}.")
        for k in (3, 4, 5, 6, 8)
        for s in doodles(8, seed, split, panels=k)
    ]
    add("how many panels", "", "right", counted, 4, lambda s, t, text: float(text.strip() == t))
    for name, prompt in (("main action or event", prompts.VQA), ("this panel", prompts.THIS_PANEL)):
        add(
            f"{name}: reads panel 1",
            prompt,
            "matched",
            [(s, prompt, 0) for s in six],
            24,
            lambda s, t, text: float(JUDGE.judge(s, text).region == 0),
        )
    return rows


def markdown(rows: Sequence[Row]) -> str:
    """The table of the model card."""
    lines = ["| task | measure | result [95%] | goal | images |", "|---|---|---|---|---|"]
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:.2f}"
        e = row.result
        lines.append(
            f"| {row.task} | {row.measure} | {e.mean:.3f} [{e.low:.3f}, {e.high:.3f}] | {goal} | {e.clusters} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="folder of the model; the bundled one without")
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    parser.add_argument("--n", type=int, default=60, help="images for each row")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = evaluate(load(args.model), args.split, args.n, args.seed)
    if args.json:
        print(json.dumps([{**row._asdict(), "result": row.result.to_json()} for row in rows], indent=1))
    else:
        print(markdown(rows))


if __name__ == "__main__":
    main()
