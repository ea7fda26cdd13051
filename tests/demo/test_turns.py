"""The one thread that runs the model: turns are fair, and who leaves is left alone."""

import threading
import time

import pytest

pytest.importorskip("fastapi", reason='of the extra "demo", which the extra "dev" brings, too')

from gazeheads.demo.shelf import Recent
from gazeheads.demo.turns import MOST_WAITING, Turns


class Count:
    """A job of `steps` steps that writes its name at each."""

    def __init__(self, name: str, steps: int, log: list[str], gate: threading.Event | None = None) -> None:
        self.name, self.left, self.log, self.gate, self.due = name, steps, log, gate, 0.0

    def step(self) -> bool:
        if self.gate:
            self.gate.wait(10)
        self.log.append(self.name)
        self.left -= 1
        return self.left > 0


def idle(turns: Turns) -> None:
    for _ in range(2000):
        if not turns.owners:
            return
        time.sleep(0.005)
    raise AssertionError("it never came to an end")


def test_each_visitor_gets_one_step_in_turn_however_many_jobs_he_has() -> None:
    turns, log, gate = Turns(), list[str](), threading.Event()
    turns.add("a", Count("a", 6, log, gate))  # runs, and waits at the gate while the others come
    while turns.owners != 1 or turns._running is None:
        time.sleep(0.001)
    turns.add("b", Count("b1", 3, log))
    turns.add("b", Count("b2", 3, log))
    turns.add("c", Count("c", 6, log))
    gate.set()
    idle(turns)
    turns.close()
    assert [name[0] for name in log] == list("abc" * 6)
    assert [name for name in log if name[0] == "b"] == ["b1", "b2"] * 3
    assert turns.steps == 18


def test_who_leaves_gets_no_step_any_more() -> None:
    turns, log, gate = Turns(), list[str](), threading.Event()
    turns.add("a", Count("a", 10**9, log, gate))
    while turns._running is None:
        time.sleep(0.001)
    turns.drop("a")
    gate.set()
    idle(turns)
    assert log == ["a"]  # the step under way was the last one
    turns.add("a", Count("again", 1, log))
    idle(turns)
    turns.close()
    assert log == ["a", "again"]


def test_a_job_that_is_not_due_holds_nobody_up_and_is_taken_when_it_is() -> None:
    turns, log = Turns(), list[str]()
    late = Count("late", 1, log)
    late.due = time.monotonic() + 0.3
    turns.add("a", late)
    turns.add("a", Count("soon", 2, log))
    turns.add("b", Count("other", 2, log))
    began = time.monotonic()
    idle(turns)
    assert log[-1] == "late" and sorted(log[:-1]) == ["other", "other", "soon", "soon"]
    assert time.monotonic() - began >= 0.28
    turns.close()


def test_a_job_that_breaks_takes_no_other_with_it() -> None:
    class Broken(Count):
        def step(self) -> bool:
            raise RuntimeError("no")

    turns, log = Turns(), list[str]()
    turns.add("a", Broken("a", 1, log))
    turns.add("b", Count("b", 3, log))
    idle(turns)
    assert log == ["b"] * 3 and isinstance(turns.broken, RuntimeError)
    turns.close()


def test_nobody_queues_up_without_end() -> None:
    turns, gate = Turns(), threading.Event()
    turns.add("a", Count("a", 1, [], gate))
    while turns._running is None:
        time.sleep(0.001)
    taken = [turns.add("a", Count("a", 1, [])) for _ in range(MOST_WAITING + 2)]
    assert taken == [True] * MOST_WAITING + [False] * 2
    gate.set()
    turns.close()


def test_what_was_used_last_is_kept() -> None:
    recent: Recent[str] = Recent(10)
    for key, size in (("a", 4), ("b", 4)):
        recent.put(key, key.upper(), size)
    assert recent.get("a") == "A"
    recent.put("c", "C", 4)
    assert (recent.get("a"), recent.get("b"), recent.get("c"), recent.used) == ("A", None, "C", 8)
    recent.put("big", "BIG", 50)
    assert len(recent) == 1 and recent.get("big") == "BIG" and recent.used == 50
    recent.put("big", "BIGGER", 3)
    assert recent.get("big") == "BIGGER" and recent.used == 3
