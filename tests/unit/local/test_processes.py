from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from local.processes import (
    Processes,
    ProcessSpec,
    StartError,
    accepts,
    file_sink,
    terminal_sink,
)

LISTENER = """
import signal, socket, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
listening = socket.socket()
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.bind(("127.0.0.1", int(sys.argv[1])))
listening.listen()
print("listening", flush=True)
while True:
    time.sleep(60)
"""


def listener(name: str, port: int, *more: str, stop_seconds: float = 5.0) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        command=[sys.executable, "-c", LISTENER, str(port), *more],
        ports=(port,),
        stop_seconds=stop_seconds,
    )


def script(text: str, **more: object) -> ProcessSpec:
    return ProcessSpec(
        name="script",
        command=[sys.executable, "-c", text],
        ports=(),
        **more,  # type: ignore[arg-type]  # keyword arguments of the tests, passed on as they are
    )


def never() -> bool:
    return False


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.02)
    return True


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def processes(lines: list[str]) -> Iterator[Processes]:
    with Processes(lambda name, line: lines.append(f"{name}: {line}")) as started:
        yield started


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_started_process_accepts_connections_and_its_output_is_passed_on(
    processes, lines, free_port
):
    processes.start(listener("web", free_port))
    assert accepts(free_port)
    assert eventually(lambda: "web: listening" in lines)


def test_leaving_the_context_ends_every_process(free_port):
    with Processes(lambda *_: None) as processes:
        processes.start(listener("web", free_port))
        assert accepts(free_port)
    assert not accepts(free_port)


def test_processes_stop_in_the_reverse_order_of_their_start(processes, lines):
    farewell = "import signal, sys, time\n"
    farewell += "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye', flush=True)))\n"
    farewell += "print('up', flush=True)\ntime.sleep(60)"
    for name in ("first", "second", "third"):
        processes.start(
            ProcessSpec(
                name=name,
                command=[sys.executable, "-c", farewell],
                ports=(),
                ready=partial(lines.__contains__, f"{name}: up"),
            )
        )
    processes.stop_all()
    assert [line for line in lines if "bye" in line] == ["third: bye", "second: bye", "first: bye"]


def test_a_used_port_is_one_clear_line_and_nothing_is_started(processes, lines, free_port):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", free_port))
        other.listen()
        with pytest.raises(StartError) as refused:
            processes.start(listener("web", free_port))
    message = str(refused.value)
    assert str(free_port) in message
    assert "web" in message
    assert "PORT_BASE" in message
    assert "\n" not in message
    assert lines == []


def test_a_process_that_dies_early_is_reported_with_status_and_last_lines(processes):
    with pytest.raises(StartError) as failed:
        processes.start(script("import sys; print('disk is full'); sys.exit(3)", ready=never))
    assert "status 3" in str(failed.value)
    assert "disk is full" in str(failed.value)


def test_a_process_that_is_not_ready_in_time_is_stopped_and_reported(processes):
    with pytest.raises(StartError, match="not ready within") as failed:
        processes.start(script("import time; time.sleep(60)", ready=never, start_seconds=0.2))
    assert "script" in str(failed.value)


def test_a_process_that_ignores_sigterm_is_killed(processes, lines, free_port):
    processes.start(listener("web", free_port, "stubborn", stop_seconds=0.3))
    processes.stop("web")
    assert not accepts(free_port)


def test_a_process_of_a_process_is_not_left_behind(processes, free_port):
    parent = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {LISTENER!r}, '{free_port}'])\n"
        "time.sleep(60)\n"
    )
    processes.start(script(parent, ready=lambda: accepts(free_port)))
    processes.stop("script")
    assert eventually(lambda: not accepts(free_port))


def test_an_end_by_itself_is_noticed_and_explained(processes, lines):
    processes.start(script("print('over')", ready=lambda: True))
    child = processes.wait_for_an_end()
    assert child.spec.name == "script"
    assert "over" in child.epitaph("by itself")


def test_a_child_sees_its_own_variables_over_the_launchers(processes, lines, monkeypatch):
    monkeypatch.setenv("COUPLER_TEST", "launcher")
    text = "import os; print(os.environ['COUPLER_TEST'])"
    processes.start(script(text, ready=lambda: True, environment={"COUPLER_TEST": "child"}))
    assert eventually(lambda: "script: child" in lines)


def test_a_killed_process_can_be_started_again_on_its_port(processes, free_port):
    spec = listener("web", free_port)
    processes.start(spec)
    first = processes.process_id("web")
    processes.stop("web", signal.SIGKILL)
    processes.start(spec)
    assert processes.process_id("web") != first


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_no_child_outlives_a_killed_launcher(free_port):
    launcher = (
        "import sys\n"
        "from tests.unit.local.test_processes import listener\n"
        "from local.processes import Processes\n"
        "processes = Processes(lambda *_: None)\n"
        "processes.start(listener('web', int(sys.argv[1])))\n"
        "print('up', flush=True)\n"
        "processes.wait_for_an_end()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", launcher, str(free_port)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert eventually(lambda: not accepts(free_port))


def test_the_terminal_shows_names_before_lines(capsys):
    terminal_sink()("entra", "listens")
    assert capsys.readouterr().out == "entra            | listens\n"


def test_a_file_can_take_the_lines(tmp_path: Path):
    sink = file_sink(tmp_path / "logs" / "platform.log")
    sink("entra", "listens")
    assert "entra            | listens\n" in (tmp_path / "logs" / "platform.log").read_text()
