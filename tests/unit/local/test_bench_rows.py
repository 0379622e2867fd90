from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from local.bench_rows import RowsRefusedError, RowTable

KEY = base64.b64encode(b"a key for tests").decode()


class Storage(ThreadingHTTPServer):
    """Answers as storage does: 201 for a new table, 202 for a batch with one answer a part."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, Message, bytes]] = []
        self.part_status = 204

    @property
    def connection_string(self) -> str:
        endpoint = f"http://127.0.0.1:{self.server_port}/account"
        return f"AccountName=account;AccountKey={KEY};TableEndpoint={endpoint};"


class Handler(BaseHTTPRequestHandler):
    server: Storage

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, self.headers, body))
        is_batch = self.path.endswith("$batch")
        parts = body.count(b"\r\nPOST http")
        answer = f"HTTP/1.1 {self.server.part_status} x\r\n".encode() * parts if is_batch else b""
        self.send_response(202 if is_batch else 201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def storage():
    with Storage() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_rows_travel_in_one_signed_transaction(storage):
    table = RowTable(storage.connection_string, "floor")
    rows = [{"PartitionKey": "a", "RowKey": str(number)} for number in range(3)]
    table.insert(rows)
    created, batch = storage.received
    assert json.loads(created[2]) == {"TableName": "floor"}
    assert all(json.dumps(row).encode() in batch[2] for row in rows)
    for path, headers, _ in storage.received:
        text = f"{headers['x-ms-date']}\n/account{path}"
        signed = hmac.digest(b"a key for tests", text.encode(), hashlib.sha256)
        expected = f"SharedKeyLite account:{base64.b64encode(signed).decode()}"
        assert headers["Authorization"] == expected


def test_a_refused_row_is_told(storage):
    table = RowTable(storage.connection_string, "floor")
    storage.part_status = 409
    with pytest.raises(RowsRefusedError, match="409"):
        table.insert([{"PartitionKey": "a", "RowKey": "1"}])
