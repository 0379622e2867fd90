"""The worker in process; each test in a process of its own, as it can load one app only."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.host.worker import typed
from tests.host.processes import ROOT

_APP = """
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp()


@app.route(route="start")
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> str:
    return "x"


@app.activity_trigger(input_name="number")
def square(number: int) -> int:
    return number * number


@app.activity_trigger(input_name="text")
async def fail(text: str) -> str:
    raise ValueError(text)


@app.orchestration_trigger(context_name="context")
def broken(context: df.DurableOrchestrationContext):
    raise RuntimeError("broken on purpose")
    yield
"""

_SCRIPT = """
import asyncio, json, sys
from local.host.worker import FunctionError, Worker, typed

async def main() -> dict:
    worker = Worker()
    functions = await worker.load(sys.argv[1])
    answer = {}
    async def call(name, **inputs):
        try:
            invocation = await worker.invoke(functions[name], inputs)
        except FunctionError as error:
            return {"message": error.message, "stack": error.stack}
        return {invocation.return_value.kind: invocation.return_value.content}
    BODY
    worker.close()
    return answer

print(json.dumps(asyncio.run(main())))
"""

_HISTORY = [
    {"EventType": 12, "EventId": -1, "IsPlayed": False, "Timestamp": "2026-01-01T00:00:00Z"},
    {
        "EventType": 0,
        "EventId": -1,
        "IsPlayed": False,
        "Timestamp": "2026-01-01T00:00:00Z",
        "Name": "broken",
        "Input": "null",
        "Version": "",
    },
]


def _run(folder: Path, body: str) -> Any:
    (folder / "function_app.py").write_text(_APP, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT.replace("BODY", body), str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_functions_are_described_by_name_kind_and_durable_clients(tmp_path: Path):
    body = """
    for f in functions.values():
        answer[f.name] = [f.kind, f.trigger["name"], list(f.durable_clients)]
    """
    assert _run(tmp_path, body) == {
        "start": ["httpTrigger", "req", ["client"]],
        "square": ["activityTrigger", "number", []],
        "fail": ["activityTrigger", "text", []],
        "broken": ["orchestrationTrigger", "context", []],
    }


def test_an_activity_takes_and_returns_json(tmp_path: Path):
    body = 'answer = await call("square", number=typed(json="7"))'
    assert _run(tmp_path, body) == {"json": "49"}


def test_a_functions_exception_comes_back_with_its_type_text_and_traceback(tmp_path: Path):
    body = """answer = await call("fail", text=typed(json='"of course"'))"""
    answer = _run(tmp_path, body)
    assert answer["message"] == "ValueError: of course"
    assert "in fail" in answer["stack"]


def test_a_failed_orchestrators_state_survives_in_the_message(tmp_path: Path):
    context = {
        "history": _HISTORY,
        "input": None,
        "instanceId": "1",
        "isReplaying": False,
        "parentInstanceId": None,
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 2,
        "longRunningTimerIntervalDuration": "3.00:00:00",
        "maximumShortTimerDuration": "6.00:00:00",
        "defaultHttpAsyncRequestSleepTimeMillseconds": 1000,
    }
    body = f"answer = await call('broken', context=typed(string={json.dumps(context)!r}))"
    message = _run(tmp_path, body)["message"]
    text, marker, state = message.partition("$OutOfProcData$:")
    assert "broken on purpose" in text
    assert marker
    assert json.loads(state)["isDone"] is False


def test_a_typed_value_has_exactly_one_member():
    assert typed(string="x").kind == "string"
    assert typed(string="x").content == "x"
    with pytest.raises(ValueError, match="one member"):
        typed()
    with pytest.raises(ValueError, match="one member"):
        typed(string="x", json="{}")
