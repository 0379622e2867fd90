"""A small app that shows what the host hands to functions, and what it makes of their answers."""

import json
import logging
import os
import time
import typing
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def _json(value: object, status: int = 200) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(value), status_code=status, mimetype="application/json")


@app.route(route="echo/{name}/{number:int?}", methods=["GET", "POST", "HEAD"])
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    body = req.get_body()
    answer = {
        "function": context.function_name,
        "method": req.method,
        "url": req.url,
        "route": dict(req.route_params),
        "query": dict(req.params),
        "headers": dict(req.headers),
        "length": len(body),
        "text": body[:100].decode("utf-8", "replace"),
    }
    response = _json(answer, 201)
    response.headers["X-Answer"] = "42"
    return response


@app.route(route="files/{*path}", methods=["GET"])
def files(req: func.HttpRequest) -> func.HttpResponse:
    return _json(dict(req.route_params))


@app.route(route="items/{id}", methods=["GET"])
def a_item(req: func.HttpRequest) -> func.HttpResponse:
    return _json({"item": req.route_params["id"]})


@app.route(route="items/{number:range(1,9)}", methods=["GET"])
def b_numbered_item(req: func.HttpRequest) -> func.HttpResponse:
    return _json({"number": req.route_params["number"]})


@app.route(route="items/recent", methods=["GET"])
def c_recent_items(req: func.HttpRequest) -> func.HttpResponse:
    return _json("recent")


@app.route(route="items/{id}", methods=["DELETE"])
def delete_item(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=204)


@app.route(methods=["GET"])
def unrouted(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("by name")


@app.route(route="plain", methods=["GET"])
def plain(req: func.HttpRequest) -> str:
    return "just text"


@app.route(route="cookie", methods=["GET"])
def cookie(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse("set")
    response.headers.add("Set-Cookie", "session=abc; Path=/; HttpOnly; Max-Age=60; SameSite=Lax")
    return response


@app.route(route="raise", methods=["GET"])
async def raise_(req: func.HttpRequest) -> func.HttpResponse:
    raise LookupError("nothing to see here")


@app.route(route="exit", methods=["GET"])
async def exit_(req: func.HttpRequest) -> func.HttpResponse:
    raise SystemExit(7)


@app.route(route="setting/{name}", methods=["GET"])
def setting(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(os.environ.get(req.route_params["name"], ""))


@app.route(route="slow/{seconds}", methods=["GET"])
def slow(req: func.HttpRequest) -> func.HttpResponse:
    _trace({"slow": "started"})
    time.sleep(float(req.route_params["seconds"]))
    _trace({"slow": "done"})
    return func.HttpResponse("done")


@app.route(route="send", methods=["POST"])
@app.queue_output(arg_name="message", queue_name="%OUT_QUEUE%", connection="AzureWebJobsStorage")
def send(req: func.HttpRequest, message: func.Out[str]) -> func.HttpResponse:
    message.set(req.get_body().decode())
    return func.HttpResponse(status_code=202)


@app.route(route="send-many", methods=["POST"])
@app.queue_output(arg_name="messages", queue_name="%OUT_QUEUE%", connection="AzureWebJobsStorage")
def send_many(
    req: func.HttpRequest,
    messages: func.Out[typing.List[str]],  # noqa: UP006 - the worker refuses list[str] here
) -> func.HttpResponse:
    messages.set(req.get_json())
    return func.HttpResponse(status_code=202)


@app.route(route="send-message", methods=["POST"])
@app.queue_output(arg_name="message", queue_name="%OUT_QUEUE%", connection="AzureWebJobsStorage")
def send_message(req: func.HttpRequest, message: func.Out[func.QueueMessage]) -> func.HttpResponse:
    message.set(func.QueueMessage(body=req.get_body()))
    return func.HttpResponse(status_code=202)


@app.queue_trigger(arg_name="msg", queue_name="%JOBS_QUEUE%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="$return", queue_name="%OUT_QUEUE%", connection="AzureWebJobsStorage")
def work(msg: func.QueueMessage) -> str:
    """Does what the message says and traces what the host told about the message."""
    job = msg.get_json()
    _trace(
        {
            "job": job["name"],
            "pid": os.getpid(),
            "at": time.time(),
            "id": msg.id,
            "dequeue_count": msg.dequeue_count,
            "pop_receipt": msg.pop_receipt,
            "inserted": msg.insertion_time.isoformat(),
            "expires": msg.expiration_time.isoformat(),
            "next_visible": msg.time_next_visible.isoformat(),
        }
    )
    time.sleep(job.get("seconds", 0))
    if job.get("hang_if_absent") and not Path(job["hang_if_absent"]).exists():
        time.sleep(60)
    if job.get("fail"):
        raise ValueError("told to fail")
    _trace({"finished": job["name"]})
    return json.dumps({"done": job["name"]})


@app.timer_trigger(arg_name="timer", schedule="%TICK_SCHEDULE%", run_on_startup=False)
def tick(timer: func.TimerRequest) -> None:
    _trace({"tick": time.time(), "past_due": timer.past_due})


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def at_start(timer: func.TimerRequest) -> None:
    logging.getLogger("sample").info("the app's own log line")
    _trace({"at_start": True, "past_due": timer.past_due})


def _trace(entry: dict[str, object]) -> None:
    """Append to the file that the tests read: it outlives a killed host."""
    with Path(os.environ["TRACE_FILE"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
