"""The stormy part of a soak: users edit, faults strike, and the function host is killed."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random

from local.platform import Platform
from local.soak_choice import Chooser, Errand
from local.soak_faults import Faults
from local.soak_model import Edit
from local.soak_people import People
from local.soak_watch import Watch

_KILL_EVERY_SECONDS = 25.0
_USERS = 6
_LOOK_SECONDS = 0.5


class Storm:
    """Rages once; then ``edits``, ``faults`` and ``kills`` tell what happened."""

    def __init__(
        self,
        platform: Platform,
        people: People,
        watch: Watch,
        seed: int,
        tell: Callable[[str], None],
    ) -> None:
        self._platform = platform
        self._people = people
        self._watch = watch
        self._tell = tell
        # of their own, because several threads draw from them
        self._pace, self._deaths, faults = (Random(f"{seed} {n}") for n in range(3))  # noqa: S311 - no secrets
        self._faults = Faults(platform, faults)
        self._chooser = Chooser(seed, f"s{seed}")
        self._host_is_up = True
        self._ended = threading.Event()
        self.edits: list[Edit] = []
        self.kills = 0

    @property
    def faults(self) -> int:
        """How many faults struck."""
        return self._faults.struck

    def by_action(self) -> dict[str, int]:
        """How many edits there were of each sort."""
        return dict(Counter(f"{edit.action} in {edit.side}" for edit in self.edits))

    def rage(self, seconds: float, edits_per_second: float) -> None:
        """Let users edit for so long; everything is over and the host is up when it returns.

        Raises what a user or a part of the storm could not go on for.
        """
        until = time.monotonic() + seconds
        with ThreadPoolExecutor(_USERS + 2) as pool:
            parts = [
                pool.submit(self._faults.run, self._ended),
                pool.submit(self._edit, pool, edits_per_second),
            ]
            try:
                self._kill_until(until, parts)
            finally:
                self._ended.set()
            for part in parts:
                part.result()

    def _kill_until(self, until: float, parts: Sequence[Future[None]]) -> None:
        """Kill the host now and then and start it again at once, as the platform would.

        In the main thread: the host ends with the thread that started it.
        """
        kill_at = self._next_kill()
        invalidate_at = (time.monotonic() + until) / 2
        while time.monotonic() < until and not any(part.done() for part in parts):
            self._ended.wait(_LOOK_SECONDS)
            if time.monotonic() > invalidate_at:
                self._faults.invalidate_delta("account")
                invalidate_at = math.inf
            if time.monotonic() > kill_at:
                self._host_is_up = False
                self._platform.kill_host()
                self.kills += 1
                self._platform.start_host()
                self._host_is_up = True
                kill_at = self._next_kill()
                left = max(0.0, until - time.monotonic())
                self._tell(f"{left:.0f} s to go: {len(self.edits)} edits, {self.kills} kills")

    def _next_kill(self) -> float:
        return time.monotonic() + _KILL_EVERY_SECONDS * self._deaths.uniform(0.7, 1.3)

    def _edit(self, pool: ThreadPoolExecutor, edits_per_second: float) -> None:
        """Send users on errands; raises what one of them could not go on for."""
        running: list[Future[None]] = []
        while not self._ended.wait(self._pace.expovariate(edits_per_second)):
            errands = self._chooser.next(self._watch.latest)
            running += [pool.submit(self._run, errand) for errand in errands]
            for each in [each for each in running if each.done()]:
                each.result()
                running.remove(each)
        for each in running:
            each.result()

    def _run(self, errand: Errand) -> None:
        for intention in errand:
            edit = self._people.do(intention)
            if edit is not None:
                self.edits.append(edit)
                self._watch.expect(edit, sampled=self._host_is_up)
