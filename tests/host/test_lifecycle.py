"""Starting and stopping the host."""

import json
import os
import shutil
import signal
import threading
from pathlib import Path

import pytest
import requests

from tests.host.processes import ROOT, HostFactory, eventually, free_port
from tests.host.sample import APP, Sample

_EMPTY_HOST_JSON = '{"version": "2.0"}'


def _app(folder: Path, code: str, *, host_json: str | None = _EMPTY_HOST_JSON) -> Path:
    app = folder / "app"
    app.mkdir()
    (app / "function_app.py").write_text(code, encoding="utf-8")
    if host_json is not None:
        (app / "host.json").write_text(host_json, encoding="utf-8")
    return app


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_sigterm_and_ctrl_c_stop_the_host_with_exit_code_0(
    start_host: HostFactory, sample: Sample, stop: signal.Signals
):
    host = sample.start(start_host)
    host.process.send_signal(stop)
    assert host.process.wait(20) == 0
    assert "Traceback" not in host.log_text()


def test_a_running_function_may_finish_while_the_host_stops(
    start_host: HostFactory, sample: Sample
):
    host = sample.start(start_host)
    answers: list[requests.Response] = []
    request = threading.Thread(
        target=lambda: answers.append(requests.get(f"{host.base_url}/api/slow/2", timeout=20))
    )
    request.start()
    eventually(lambda: sample.trace("slow"))
    host.process.terminate()
    status = f"{host.base_url}/admin/host/status"
    eventually(lambda: requests.get(status, timeout=5).json()["state"] == "Stopping")
    assert requests.get(f"{host.base_url}/api/plain", timeout=5).status_code == 503
    request.join()
    assert host.process.wait(10) == 0
    assert [answer.text for answer in answers] == ["done"]


def test_a_message_at_work_is_finished_and_deleted_while_the_host_stops(
    start_host: HostFactory, sample: Sample
):
    host = sample.start(start_host)
    sample.send({"name": "last", "seconds": 1})
    eventually(lambda: sample.trace("job"))
    assert host.stop() == 0
    assert sample.trace("finished")
    assert sample.count() == 0


def test_a_function_that_outlasts_the_grace_period_is_abandoned_by_name(
    start_host: HostFactory, sample: Sample
):
    host = sample.start(start_host, grace_seconds=0.2)
    sample.send({"name": "endless", "seconds": 60})
    eventually(lambda: sample.trace("job"))
    assert host.stop() == 1
    assert "function host: abandoned while running: work" in host.log_text()


def test_a_host_can_start_again_at_once_on_its_port(start_host: HostFactory, sample: Sample):
    host = sample.start(start_host)
    assert requests.get(f"{host.base_url}/api/plain", timeout=5).status_code == 200
    host.kill()
    host.restart()
    assert requests.get(f"{host.base_url}/api/plain", timeout=5).status_code == 200


def test_a_port_in_use_is_one_clear_line_and_exit_code_1(start_host: HostFactory, sample: Sample):
    first = sample.start(start_host)
    second = sample.start(start_host, port=first.port, ready=False)
    assert second.process.wait(20) == 1
    assert second.log_text() == (
        f"function host: cannot listen on 127.0.0.1:{first.port}: Address already in use; "
        "choose another --port\n"
    )


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        (
            "import os\nimport no_such_module\n",
            "ModuleNotFoundError: No module named 'no_such_module' (function_app.py, line 2)",
        ),
        ("x = {}['gone']\n", "KeyError: 'gone' (function_app.py, line 1)"),
        ("x =\n", "SyntaxError: invalid syntax (function_app.py, line 1)"),
        ("x = 1\n", "ValueError: Could not find top level function app instances"),
    ],
)
def test_an_app_that_cannot_be_imported_is_one_clear_line_and_exit_code_1(
    start_host: HostFactory, sample: Sample, tmp_path: Path, code: str, complaint: str
):
    host = sample.start(start_host, app_dir=_app(tmp_path, code), ready=False)
    assert host.process.wait(20) == 1
    (line,) = host.log_text().splitlines()
    assert line.startswith("function host: cannot load ")
    assert complaint in line


@pytest.mark.parametrize(
    ("binding", "complaint"),
    [
        ("@app.blob_trigger(arg_name='x', path='a/b', connection='S')", "blobTrigger"),
        ("@app.queue_trigger(arg_name='x', queue_name='%NOPE%', connection='')", "%NOPE%"),
        ("@app.queue_trigger(arg_name='x', queue_name='q', connection='Nope')", "Nope"),
        ("@app.timer_trigger(arg_name='x', schedule='* * *')", "3 fields"),
        ("@app.route(route='{n:datetime}', trigger_arg_name='x')", "datetime"),
    ],
)
def test_a_binding_that_the_host_cannot_serve_is_one_clear_line_and_exit_code_1(
    start_host: HostFactory, sample: Sample, tmp_path: Path, binding: str, complaint: str
):
    code = (
        "import azure.functions as func\n"
        "app = func.FunctionApp()\n"
        f"{binding}\n"
        "def function(x):\n"
        "    return None\n"
    )
    host = sample.start(start_host, app_dir=_app(tmp_path, code), ready=False)
    assert host.process.wait(20) == 1
    (line,) = [x for x in host.log_text().splitlines() if x.startswith("function host: ")]
    assert complaint in line
    assert "Traceback" not in host.log_text()


def test_a_folder_without_host_json_or_function_app_is_refused(
    start_host: HostFactory, sample: Sample, tmp_path: Path
):
    host = sample.start(start_host, app_dir=tmp_path, ready=False)
    assert host.process.wait(20) == 1
    assert host.log_text() == f"function host: {tmp_path / 'host.json'} is missing\n"
    (tmp_path / "host.json").write_text(_EMPTY_HOST_JSON, encoding="utf-8")
    host.start()
    assert host.process.wait(20) == 1
    assert f"there is no function_app.py in {tmp_path}" in host.log_text()


def test_values_of_local_settings_reach_the_app_unless_the_environment_has_them(
    start_host: HostFactory, sample: Sample, tmp_path: Path
):
    app = tmp_path / "app"
    shutil.copytree(APP, app)
    values = {"FROM_FILE": "file", "FROM_BOTH": "file"}
    (app / "local.settings.json").write_text(
        json.dumps({"IsEncrypted": False, "Values": values}), encoding="utf-8"
    )
    host = sample.start(start_host, app_dir=app, env={"FROM_BOTH": "environment"})
    url = f"{host.base_url}/api/setting"
    assert requests.get(f"{url}/FROM_FILE", timeout=5).text == "file"
    assert requests.get(f"{url}/FROM_BOTH", timeout=5).text == "environment"


def test_development_storage_is_found_by_the_azurite_port(start_host: HostFactory, sample: Sample):
    """The table port of the running Azurite is irrelevant here; its queue port is one above."""
    host = sample.start(
        start_host,
        env={"AzureWebJobsStorage": "UseDevelopmentStorage=true"},
        azurite_port=sample.azurite.queue_port - 1,
    )
    sample.send({"name": "one"})
    eventually(lambda: sample.trace("finished"))
    assert host.stop() == 0


def test_the_app_may_be_the_folder_that_holds_the_host_itself(
    start_host: HostFactory, sample: Sample, tmp_path: Path
):
    shutil.copytree(APP, tmp_path, dirs_exist_ok=True)
    (tmp_path / "local").symlink_to(ROOT / "local", target_is_directory=True)
    host = sample.start(start_host, app_dir=Path(), directory=tmp_path)
    assert requests.get(f"{host.base_url}/api/plain", timeout=5).status_code == 200


def test_an_apps_modules_are_found_from_its_own_folder_wherever_the_host_is_started(
    start_host: HostFactory, sample: Sample, tmp_path: Path
):
    app = _app(
        tmp_path,
        "import azure.functions as func\n"
        "import os, errors\n"
        "app = func.FunctionApp()\n"
        "@app.route(route='where')\n"
        "def where(req: func.HttpRequest) -> str:\n"
        "    return f'{errors.NAME} {os.getcwd()}'\n",
    )
    (app / "errors.py").write_text("NAME = 'the app'", encoding="utf-8")
    host = sample.start(start_host, app_dir=app)
    answer = requests.get(f"{host.base_url}/api/where", timeout=5)
    assert answer.text == f"the app {os.path.realpath(app)}"


def test_a_host_without_its_storage_starts_and_says_what_it_cannot_read(
    start_host: HostFactory, sample: Sample
):
    nowhere = f"http://127.0.0.1:{free_port()}/devstoreaccount1"
    connection = sample.azurite.connection_string.replace(
        f"http://127.0.0.1:{sample.azurite.queue_port}/devstoreaccount1", nowhere
    )
    host = sample.start(start_host, env={"AzureWebJobsStorage": connection})
    assert requests.get(f"{host.base_url}/api/plain", timeout=5).status_code == 200
    eventually(lambda: f"queue {sample.prefix} cannot be read" in host.log_text())
    assert host.stop() == 0
