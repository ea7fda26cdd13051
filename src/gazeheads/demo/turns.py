"""The one thread that runs the model: one step for each visitor in turn.

A job is a row of short steps (a token each). Visitors stand in a ring; whoever's turn it is gets one step of one of
his jobs, if one is due, and goes to the end. So nobody waits longer than one step of everybody else, however long the
others' answers are, and a visitor with two jobs is no faster than one with one. The event loop never runs the model.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Protocol

MOST_WAITING = 8  # jobs of one visitor


class Job(Protocol):
    """Something to do in steps."""

    due: float  # time.monotonic() before which its next step need not be taken

    def step(self) -> bool:
        """Do a little; whether there is more to do. Raises nothing: what goes wrong it tells its visitor."""
        ...


class Turns:
    """The thread, and the ring of visitors. Everything but the steps may be called from any thread."""

    def __init__(self) -> None:
        self._ring: OrderedDict[Hashable, deque[Job]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self._running: tuple[Hashable, Job] | None = None
        self._dropped = False  # whether the job that is running was dropped meanwhile
        self.steps = 0
        self.broken: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="turns", daemon=True)
        self._thread.start()

    def add(self, owner: Hashable, job: Job) -> bool:
        """Do this job, too, in the turns of its owner; False where he has too many waiting already."""
        with self._changed:
            if len(self._ring.get(owner, ())) >= MOST_WAITING:
                return False
            self._ring.setdefault(owner, deque()).append(job)
            self._changed.notify()
            return True

    def drop(self, owner: Hashable) -> None:
        """Nothing more for this owner: a step under way is the last one."""
        with self._changed:
            self._ring.pop(owner, None)
            if self._running and self._running[0] == owner:
                self._dropped = True

    def wake(self) -> None:
        """Look again at what is due."""
        with self._changed:
            self._changed.notify()

    @property
    def owners(self) -> int:
        """How many have something to do."""
        with self._changed:
            return len(set(self._ring) | ({self._running[0]} if self._running else set()))

    def close(self) -> None:
        """End the thread after the step under way."""
        with self._changed:
            self._closed = True
            self._ring.clear()
            self._changed.notify()
        self._thread.join(timeout=60)

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            owner, job = taken
            more = False
            try:
                more = job.step()
                self.steps += 1
            except Exception as error:  # the job has told its visitor; the others go on
                self.broken = error
            with self._changed:
                if more and not self._dropped and not self._closed:
                    self._ring.setdefault(owner, deque()).append(job)
                self._running, self._dropped = None, False
            del taken, job  # what a visitor left behind is not kept until the next one comes

    def _take(self) -> tuple[Hashable, Job] | None:
        """The next job that is due, taken out of the ring, its owner at the end; None: closed."""
        with self._changed:
            while not self._closed:
                now, soonest = time.monotonic(), None
                for owner, jobs in self._ring.items():
                    job = min(jobs, key=lambda each: max(each.due, now))  # of several that are due, the first
                    if job.due <= now:
                        jobs.remove(job)
                        self._ring.pop(owner)
                        if jobs:
                            self._ring[owner] = jobs
                        self._running = owner, job
                        return owner, job
                    soonest = job.due if soonest is None else min(soonest, job.due)
                self._changed.wait(None if soonest is None else max(0.0, soonest - now))
            return None
