"""An ordinary Durable Functions app: nothing in it knows of the local host."""

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


# ------------------------------------------------------------------- client functions


@app.route(route="start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    payload = req.get_json() if req.get_body() else None
    instance_id = await client.start_new(
        req.route_params["name"], req.params.get("id"), client_input=payload
    )
    return client.create_check_status_response(req, instance_id)


@app.route(route="raise/{id}/{event}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def raise_event(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    await client.raise_event(req.route_params["id"], req.route_params["event"], req.get_json())
    return func.HttpResponse(status_code=202)


@app.route(route="status/{id}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def status(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    found = await client.get_status(req.route_params["id"], show_input=True)
    return func.HttpResponse(json.dumps(found.to_json() if found else None))


# ----------------------------------------------------------------------- orchestrators


@app.orchestration_trigger(context_name="context")
def echo(context: df.DurableOrchestrationContext):
    yield context.task_all([])
    return context.get_input()


@app.orchestration_trigger(context_name="context")
def fan_out(context: df.DurableOrchestrationContext):
    calls = [context.call_activity("square", n) for n in range(context.get_input())]
    squares = yield context.task_all(calls)
    return sum(squares)


@app.orchestration_trigger(context_name="context")
def retries(context: df.DurableOrchestrationContext):
    options = df.RetryOptions(first_retry_interval_in_milliseconds=50, max_number_of_attempts=3)
    return (yield context.call_activity_with_retry("flaky", options, context.get_input()))


@app.orchestration_trigger(context_name="context")
def catches(context: df.DurableOrchestrationContext):
    try:
        yield context.call_activity("boom", "bang")
    except Exception as error:  # noqa: BLE001 - the SDK raises no other
        return str(error).splitlines()[0].strip()


@app.orchestration_trigger(context_name="context")
def fails(context: df.DurableOrchestrationContext):
    yield context.call_activity("square", 2)
    raise ValueError("no luck")


@app.orchestration_trigger(context_name="context")
def misses(context: df.DurableOrchestrationContext):
    yield context.call_activity("nowhere", 1)


@app.orchestration_trigger(context_name="context")
def parent(context: df.DurableOrchestrationContext):
    children = [context.call_sub_orchestrator("child", n) for n in range(3)]
    squares = yield context.task_all(children)
    named = yield context.call_sub_orchestrator("child", 9, f"{context.instance_id}-named")
    try:
        yield context.call_sub_orchestrator("fails")
    except Exception as error:  # noqa: BLE001 - the SDK raises no other
        return {"squares": squares, "named": named, "error": str(error).splitlines()[0].strip()}


@app.orchestration_trigger(context_name="context")
def child(context: df.DurableOrchestrationContext):
    return (yield context.call_activity("square", context.get_input()))


@app.orchestration_trigger(context_name="context")
def parent_of_waiting(context: df.DurableOrchestrationContext):
    before = yield context.call_activity("note", f"{context.instance_id} before")
    answer = yield context.call_sub_orchestrator("waits", None, f"{context.instance_id}-child")
    return [before, answer]


@app.orchestration_trigger(context_name="context")
def sleeps(context: df.DurableOrchestrationContext):
    due = context.current_utc_datetime + timedelta(seconds=context.get_input())
    yield context.create_timer(due)
    return context.current_utc_datetime >= due


@app.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext):
    yield context.call_activity("note", f"{context.instance_id} begins")
    answer = yield context.wait_for_external_event("Go")
    yield context.call_activity("note", f"{context.instance_id} goes on")
    return answer


@app.orchestration_trigger(context_name="context")
def late(context: df.DurableOrchestrationContext):
    yield context.wait_for_external_event("Open")
    first = yield context.wait_for_external_event("First")
    second = yield context.wait_for_external_event("Second")
    return [first, second]


@app.orchestration_trigger(context_name="context")
def collects(context: df.DurableOrchestrationContext):
    items = []
    for _ in range(context.get_input()):
        items.append((yield context.wait_for_external_event("Item")))
    return items


@app.orchestration_trigger(context_name="context")
def race(context: df.DurableOrchestrationContext):
    """Waits for an event at most so many seconds, three times over."""
    winners = []
    for _ in range(3):
        due = context.current_utc_datetime + timedelta(seconds=context.get_input())
        timer = context.create_timer(due)
        event = context.wait_for_external_event("Go")
        winner = yield context.task_any([event, timer])
        winners.append("event" if winner == event else "timer")
        if winner == event:
            timer.cancel()
        yield context.call_activity("square", 1)
    return winners


@app.orchestration_trigger(context_name="context")
def countdown(context: df.DurableOrchestrationContext):
    left = context.get_input()
    yield context.call_activity("note", f"{context.instance_id} {left}")
    if left:
        context.continue_as_new(left - 1)
        return None
    return "done"


@app.orchestration_trigger(context_name="context")
def hands_over(context: df.DurableOrchestrationContext):
    """Its first execution waits for Open only; Item is for the second."""
    if context.get_input() == "first":
        yield context.wait_for_external_event("Open")
        context.continue_as_new("second")
        return None
    return (yield context.wait_for_external_event("Item"))


@app.orchestration_trigger(context_name="context")
def leaves_work_behind(context: df.DurableOrchestrationContext):
    """Continues as new while an activity still runs; its answer is for nobody."""
    if context.get_input() == "first":
        slow = context.call_activity("slow", 0.6)
        quick = context.create_timer(context.current_utc_datetime + timedelta(seconds=0.1))
        yield context.task_any([slow, quick])
        context.continue_as_new("second")
        return None
    return (yield context.call_activity("slow", 1.2))


@app.orchestration_trigger(context_name="context")
def reports(context: df.DurableOrchestrationContext):
    context.set_custom_status({"step": 1})
    yield context.wait_for_external_event("Go")
    context.set_custom_status({"step": 2})
    yield context.call_activity("square", 1)
    return "ok"


@app.orchestration_trigger(context_name="context")
def uses_http(context: df.DurableOrchestrationContext):
    yield context.call_http("GET", "http://127.0.0.1/")


@app.orchestration_trigger(context_name="context")
def makes_much(context: df.DurableOrchestrationContext):
    kind, characters = context.get_input()
    if kind == "output":
        return "x" * characters
    return len((yield context.call_activity("large", characters)))


# -------------------------------------------------------------------------- activities


def _ledger(text: str) -> None:
    with Path(os.environ["LEDGER"]).open("a", encoding="utf-8") as ledger:
        ledger.write(f"{text}\n")


@app.activity_trigger(input_name="n")
def square(n: int) -> int:
    time.sleep(float(os.environ.get("SQUARE_SECONDS", "0")))
    _ledger(f"square {n}")
    return n * n


@app.activity_trigger(input_name="text")
def note(text: str) -> str:
    _ledger(text)
    return text


@app.activity_trigger(input_name="key")
def flaky(key: str) -> str:
    _ledger(f"flaky {key}")
    attempts = Path(os.environ["LEDGER"]).read_text(encoding="utf-8").count(f"flaky {key}\n")
    if attempts < 3:
        raise RuntimeError(f"attempt {attempts}")
    return f"attempt {attempts}"


@app.activity_trigger(input_name="text")
async def boom(text: str) -> str:
    raise ValueError(text)


@app.activity_trigger(input_name="seconds")
def slow(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@app.activity_trigger(input_name="characters")
def large(characters: int) -> str:
    return "y" * characters


@app.activity_trigger(input_name="name")
@app.durable_client_input(client_name="client")
async def starts_another(name: str, client: df.DurableOrchestrationClient) -> str:
    return str(await client.start_new(name, client_input="from an activity"))


@app.orchestration_trigger(context_name="context")
def delegates(context: df.DurableOrchestrationContext):
    return (yield context.call_activity("starts_another", "echo"))
