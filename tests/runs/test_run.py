"""The generation loop: what it shows, steers, keeps, leaves out, and cuts."""

import numpy as np
import pytest
from PIL import Image

import gazeheads as gh
from gazeheads.drawing.strips import doodles
from gazeheads.errors import UsageError
from gazeheads.experiments.conditions import HeadSets, conditions
from gazeheads.experiments.redirect import THIS_PANEL, Redirect
from gazeheads.experiments.tour import Tour
from gazeheads.experiments.trial import Trial
from gazeheads.heads.heads import Heads
from gazeheads.model.bundled import HEADS
from gazeheads.regions.grid import Box
from gazeheads.runs.pace import pace
from gazeheads.runs.run import AT_ONCE, batches, run
from gazeheads.runs.stimuli import MARK, marked, shown


@pytest.fixture(scope="module")
def model():
    return gh.load()


@pytest.fixture(scope="module")
def choose():
    return HeadSets(Heads.load(HEADS).all(), 23)


class Kept(dict):
    """A ledger that stops working after so many batches."""

    def __init__(self, batches: int = 10**9) -> None:
        self.left = batches

    def append(self, lines) -> None:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        for line in lines:
            assert line["key"] not in self, "doubled"
            self[line["key"]] = line


def test_a_run_that_was_cut_off_gives_what_it_would_have_given(model, choose) -> None:
    samples, asked = doodles(2, seed=8), conditions("none,gaze,all")
    whole, parts = Kept(), Kept(2)
    run(model, samples, THIS_PANEL, asked, choose, kept=whole, batch=7)
    with pytest.raises(KeyboardInterrupt):
        run(model, samples, THIS_PANEL, asked, choose, kept=parts, batch=7)
    assert 0 < len(parts) < len(whole) == 2 * 13
    some = next(iter(parts))
    del parts[some]  # a half-written batch: the rest of it must not come twice
    parts.left, seen = 10**9, []
    again = run(model, samples, THIS_PANEL, asked, choose, kept=parts, batch=7, progress=seen.append)
    assert parts == whole and sum(seen) == len(whole)
    assert some in {g.key for g in again} and len(again) == len(whole) - 13, (
        "what was there is not made again"
    )


def test_batches_hold_rows_of_one_budget_and_the_same_settings() -> None:
    def trial(n: int, budget: int, **settings: int) -> Trial:
        return Trial("x", str(n), "gaze", "?", budget, settings=settings)

    trials = [trial(n, 5 + n % 2, **({"min_new_tokens": 3} if n % 3 else {})) for n in range(24)]
    heads = {t.key: range(int(t.sample)) for t in trials}
    found = [*batches(trials, heads, 4)]
    assert sorted(t.sample for rows in found for t, _ in rows) == sorted(t.sample for t in trials)
    for rows in found:
        assert len({(t.max_new_tokens, tuple(t.settings.items())) for t, _ in rows}) == 1 and len(rows) <= 4
        numbers = [len(h) for _, h in rows]
        assert numbers == sorted(numbers)


def test_samples_are_taken_a_few_at_a_time(model, choose, monkeypatch) -> None:
    held, most = set(), []
    encode = model.encode

    def counting(picture, *args, **more):
        held.add(id(picture))
        return encode(picture, *args, **more)

    monkeypatch.setattr(model, "encode", counting)
    fit = model.resized
    fitted = []
    monkeypatch.setattr(model, "resized", lambda sample: fitted.append(len(held)) or fit(sample))
    run(model, doodles(AT_ONCE + 2, seed=1), Redirect("x", "What?", 1), conditions("none"), choose)
    most = fitted[:AT_ONCE], fitted[AT_ONCE:]
    assert set(most[0]) == {0} and set(most[1]) == {AT_ONCE}, (
        "the second part is drawn after the first is done"
    )


def test_two_samples_of_one_name_are_refused(model, choose) -> None:
    with pytest.raises(UsageError, match="1 names stand for several"):
        run(model, [*doodles(1), *doodles(1)], THIS_PANEL, conditions("none"), choose)


def test_a_row_that_steers_nothing_keeps_the_reason_and_costs_no_other_answer(model, choose) -> None:
    """Steered from token 1 on, an answer of one token is never steered."""
    short = Redirect("x", THIS_PANEL.prompt, 1)
    found = run(model, doodles(1), short, conditions("none,gaze"), choose, during="decode")
    steered = [g for g in found if g.trial.condition == "gaze"]
    assert len(steered) == 6 and all("steered nothing" in g.failed and not g.text for g in steered)
    (plain,) = (g for g in found if g.trial.condition == "none")
    assert plain.text and not plain.failed


def test_the_trials_push_and_scope_win_over_the_runs(model, choose) -> None:
    sample, (gaze,) = doodles(1)[0], conditions("gaze")

    class One:
        name = "one"

        def trials(self, sample, condition):
            for variant, push in (("mine", "bias(0.5, 0)"), ("the run's", None)):
                yield from Redirect("one", "What?", 2).trials(sample, condition, variant=variant, push=push)

    found = run(model, [sample], One(), [gaze], choose, push="focus")
    after = {v: [g.after for g in found if g.trial.variant == v] for v in ("mine", "the run's")}
    assert np.allclose(after["the run's"], 1) and max(after["mine"]) < 0.9
    assert all(g.before < g.after for g in found)


def test_a_tour_is_cut_by_its_schedule_and_an_unsteered_one_at_the_same_tokens(model, choose) -> None:
    sample = doodles(1, seed=2)[0]
    tour = Tour("tour", "Please describe what happens in each panel, in order.", every=8)
    gaze, none = run(model, [sample], tour, conditions("gaze,none"), choose)
    for made in (gaze, none):
        assert [(s.start, s.stop) for s in made.segments] == [(8 * n, 8 * n + 8) for n in range(6)]
        assert [s.target for s in made.segments] == [*made.trial.tour]
        assert (
            "".join(s.text for s in made.segments) == "".join(made.token_texts)
            and len(made.token_texts) == 48
        )
    assert gaze.after is not None and none.after is None and gaze.text != none.text


def test_a_tour_by_sentences_has_a_sentence_for_each_stop(model, choose) -> None:
    sample = doodles(1, seed=2)[0]
    tour = Tour("tour", "Please describe what happens in each panel, in order.", every=None)
    for made in run(model, [sample], tour, conditions("gaze,none"), choose):
        assert [s.target for s in made.segments] == [*made.trial.tour]
        assert all(s.text.strip().endswith(".") and s.text.count(".") == 1 for s in made.segments), (
            made.segments
        )


def test_a_crop_is_the_regions_pixels_and_a_mark_leaves_them_alone() -> None:
    sample = doodles(1)[0]
    box = sample.boxes[2]
    x0, y0, x1, y1 = map(round, box.corners)
    crop, boxes = shown(sample, "crop", 2)
    assert boxes == () and np.array_equal(crop, np.asarray(sample.image)[y0:y1, x0:x1])
    found, boxes = shown(sample, "marker", 2)
    assert boxes == sample.boxes and shown(sample, "whole", 2)[0] is sample.image
    changed = (np.asarray(found) != np.asarray(sample.image)).any(-1)
    assert changed[y0:y1, x0:x1].any() and not np.delete(changed, np.s_[x0:x1], axis=1).any()
    white = marked(Image.new("RGB", (80, 80), "white"), Box(10, 10, 50, 50))
    red = (np.asarray(white) == (255, 0, 0)).all(-1)
    assert (
        red[10, 10:50].all() and red[11, 10:50].all() and red[49, 10:50].all() and not red[12:48, 12:48].any()
    )
    assert MARK == "#ff0000" and not red[:10].any() and not red[50:].any()
    with pytest.raises(UsageError, match="without a target"):
        shown(sample, "crop", None)


def test_the_pace_is_the_median_length_of_a_sentence(model) -> None:
    strip = doodles(2, seed=4, split="dev")
    found = pace(model, strip, "Please describe what happens in each panel, in order.")
    lengths = []
    for sample in map(model.resized, strip):
        told = model.generate(
            model.encode(sample.image, "Please describe what happens in each panel, in order."),
            max_new_tokens=99,
        )
        count = 0
        for piece in told.token_texts:
            count += 1
            if piece.strip() == ".":
                lengths.append(count)
                count = 0
    assert len(lengths) == 12 and found == round(np.median(lengths))
    with pytest.raises(UsageError, match="no sentence"):
        pace(model, strip[:0], "x")


@pytest.mark.parametrize("batch", [-5, 0, 2.5, True])
def test_a_batch_that_makes_nothing_is_refused(model, choose, batch) -> None:
    with pytest.raises(UsageError, match=r"run\(batch=\) is a whole number from 1 on; found"):
        run(model, doodles(1, seed=8), THIS_PANEL, conditions("none"), choose, batch=batch)


def test_a_models_fingerprint_follows_its_weights(model) -> None:
    weight, before = next(model.hf.parameters()), model.fingerprint
    kept = weight.data.clone()
    weight.data.view(-1)[0] += 1  # as a training step or a merge does; unseen by torch's version counters
    try:
        assert model.fingerprint != before
    finally:
        weight.data.copy_(kept)
    assert model.fingerprint == before
