"""Child processes of the platform: started in order, watched, stopped in reverse order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_TAIL_LINES = 15
_POLL_SECONDS = 0.05
_REPOSITORY = Path(__file__).resolve().parent.parent
_NAME_WIDTH = 16
_COLOURS = (36, 33, 32, 35, 34, 31)

type Sink = Callable[[str, str], None]
"""Takes one line of a child's output: the child's name and the line."""


class StartError(Exception):
    """A process could not be started or made ready; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """A process to start."""

    name: str
    command: list[str]
    ports: tuple[int, ...]
    """Ports on 127.0.0.1 that it will listen on."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables beside or in place of the launcher's own."""
    ready: Callable[[], bool] | None = None
    """Whether it can be used; None means as soon as it accepts connections on its ports."""
    start_seconds: float = 30.0
    """How long it may take to become ready."""
    stop_seconds: float = 10.0
    """How long it may take to end after SIGTERM before it is killed."""


class Child:
    """A started process whose output is read by a thread of its own."""

    def __init__(self, spec: ProcessSpec, sink: Sink, on_end: Callable[[], None]) -> None:
        self.spec = spec
        self._sink = sink
        self._on_end = on_end
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        # a session of its own keeps the terminal's Ctrl-C from it: the launcher decides the order
        self.process = subprocess.Popen(
            _tethered(spec.command),
            env={**os.environ, **spec.environment, "PYTHONUNBUFFERED": "1"},
            cwd=_REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def last_lines(self) -> str:
        """The end of its output, complete once it has ended."""
        if self.ended:
            self._reader.join(1.0)
        return "\n".join(f"    {line}" for line in self._tail)

    def await_ready(self) -> None:
        """Wait until it is ready; raises ``StartError`` where it ends or takes too long."""
        ready = self.spec.ready or (lambda: all(accepts(port) for port in self.spec.ports))
        deadline = time.monotonic() + self.spec.start_seconds
        while not ready():
            if self.ended:
                raise StartError(self.epitaph("while starting"))
            if time.monotonic() > deadline:
                raise StartError(
                    f"{self.spec.name} was not ready within {self.spec.start_seconds:.0f} s. "
                    f"Its last lines:\n{self.last_lines()}"
                )
            time.sleep(_POLL_SECONDS)

    def epitaph(self, when: str) -> str:
        """How it ended, with its last lines."""
        return (
            f"{self.spec.name} ended {when} with status {self.process.returncode}. "
            f"Its last lines:\n{self.last_lines()}"
        )

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send a signal and wait for the end; killed where it does not end in time.

        Processes that it started and left behind are killed, too.
        """
        if not self.ended:
            self.process.send_signal(number)
            try:
                self.process.wait(self.spec.stop_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._kill_session()
        self._reader.join()

    def _kill_session(self) -> None:
        if sys.platform == "win32":
            return
        with suppress(ProcessLookupError, PermissionError):  # macOS: not permitted on zombies
            os.killpg(self.process.pid, signal.SIGKILL)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._tail.append(line.rstrip())
                self._sink(self.spec.name, line.rstrip())
        self.process.wait()
        self._on_end()


class Processes:
    """The children in the order of their start; leaving the context stops them in reverse."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._children: dict[str, Child] = {}
        self._something_ended = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_all()

    def start(self, spec: ProcessSpec) -> Child:
        """Start one process and wait until it is ready; raises ``StartError``, leaving none."""
        for port in spec.ports:
            refuse_used(port, spec.name)
        child = Child(spec, self._sink, self._something_ended.set)
        self._children[spec.name] = child
        try:
            child.await_ready()
        except BaseException:
            self.stop(spec.name)
            raise
        return child

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        """Stop one process, by default as kindly as ``stop_all`` does."""
        self._children.pop(name).stop(number)

    def stop_all(self) -> None:
        """Stop all processes, the last started first."""
        while self._children:
            self.stop(next(reversed(self._children)))

    def process_id(self, name: str) -> int:
        """The process id of a running child."""
        return self._children[name].process.pid

    def wait_for_an_end(self) -> Child:
        """Wait until a child ends by itself and return it."""
        while True:
            self._something_ended.wait()
            self._something_ended.clear()
            for child in list(self._children.values()):
                if child.ended:
                    return child


def refuse_used(port: int, name: str) -> None:
    """Raise ``StartError`` where something listens on the port already."""
    with socket.socket() as probe:
        if sys.platform != "win32":  # there it would share the port instead of refusing it
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StartError(
                f"Port {port}, which {name} needs, is in use. Stop what uses it, or choose other "
                "ports: PORT_BASE=7170, for example."
            ) from error


def accepts(port: int) -> bool:
    """Whether something on 127.0.0.1 accepts connections on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def terminal_sink() -> Sink:
    """Prints lines behind the child's name, in a colour of its own where a terminal shows it."""
    colours: dict[str, int] = {}
    colourful = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def write(name: str, line: str) -> None:
        prefix = f"{name:<{_NAME_WIDTH}} |"
        if colourful:
            colour = colours.setdefault(name, _COLOURS[len(colours) % len(_COLOURS)])
            prefix = f"\033[{colour}m{prefix}\033[0m"
        print(f"{prefix} {line}", flush=True)

    return write


def file_sink(path: Path) -> Sink:
    """Appends lines to a file, which is begun anew: for a terminal that shows something else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("", encoding="utf-8")
    lock = threading.Lock()

    def write(name: str, line: str) -> None:
        with lock, path.open("a", encoding="utf-8") as log:
            log.write(f"{name:<{_NAME_WIDTH}} | {line}\n")

    return write


def _tethered(command: list[str]) -> list[str]:
    if sys.platform == "win32":
        return command
    return [sys.executable, "-m", "local.tether", str(os.getpid()), *command]
