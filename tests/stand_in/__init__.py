"""Stand-ins of the publishers' servers: real HTTP on a loopback port, faults included."""

import contextlib
import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass
class Answer:
    """``fault``: reset (the connection), truncated (body), bad_gzip, slow (seconds)."""

    body: bytes = b""
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    slow: float = 0


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(json.dumps(value).encode(), status, headers=headers)


PAGE = b"<!DOCTYPE html><html><title>Just a moment...</title></html>"
# Faults by name: what one answer becomes, given the good one.
FAULTS: dict[str, Callable[[Answer], Answer]] = {
    "429 with Retry-After": lambda _: Answer(b"slow down", 429, headers={"Retry-After": "7"}),
    "429 for long": lambda _: Answer(b"quota", 429, headers={"Retry-After": "86400"}),
    "429": lambda _: Answer(b"slow down", 429),
    "400": lambda _: Answer(b"Bad Request", 400),
    "500": lambda _: Answer(b"sorry", 500),
    "timeout": lambda good: Answer(good.body, kind=good.kind, slow=1.5),
    "reset": lambda _: Answer(fault="reset"),
    "truncated body": lambda good: Answer(good.body, kind=good.kind, fault="truncated"),
    "wrong content": lambda _: Answer(b"\x00\x01 no table", kind="text/plain"),
    "HTML with 200": lambda _: Answer(PAGE, kind="text/html"),
    "HTML with 403": lambda _: Answer(PAGE, 403, kind="text/html"),
    "zero bytes": lambda good: Answer(b"", kind=good.kind),
    "bad gzip": lambda good: Answer(good.body, kind=good.kind, fault="bad_gzip"),
    "decompression bomb": lambda good: Answer(
        gzip.compress(b"0" * 2**24), kind=good.kind, headers={"Content-Encoding": "gzip"}
    ),
    "redirect to another host": lambda _: Answer(status=302, headers={"Location": "@elsewhere"}),
}


class StandIn:
    """A server whose ``answer`` may be broken by ``fault`` from the n-th request on.

    Attributes:
        requests: All that were made.
        fault: Name of one of ``FAULTS``, or empty.
        fault_from: The first request that meets it, from 0.
        faulty: So many requests meet it.
        elsewhere: Where "@elsewhere" in a Location points.
    """

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.fault, self.fault_from, self.faulty = "", 0, 10**9
        self.elsewhere = ""
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                stand_in._handle(self)

            do_POST = do_GET  # noqa: N815 (the base class names it)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> "StandIn":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        split = urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        request = Request(
            handler.command,
            split.path,
            dict(parse_qsl(split.query, keep_blank_values=True)),
            {name.lower(): value for name, value in handler.headers.items()},
            handler.rfile.read(length),
        )
        number = len(self.requests)
        self.requests.append(request)
        answer = self.answer(request)
        if self.fault and self.fault_from <= number < self.fault_from + self.faulty:
            answer = FAULTS[self.fault](answer)
        with contextlib.suppress(ConnectionError):
            self._send(handler, answer)

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.slow:
            threading.Event().wait(answer.slow)
        if answer.fault == "reset":
            linger = struct.pack("ii", 1, 0)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.close_connection = True
            handler.connection.close()
            return
        handler.send_response(answer.status)
        handler.send_header("Content-Type", answer.kind)
        handler.send_header("Content-Length", str(len(answer.body)))
        if answer.fault == "bad_gzip":
            handler.send_header("Content-Encoding", "gzip")
        for name, value in answer.headers.items():
            handler.send_header(name, value.replace("@elsewhere", self.elsewhere))
        handler.end_headers()
        if answer.fault == "truncated":
            handler.wfile.write(answer.body[: len(answer.body) // 2])
            handler.wfile.flush()
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        handler.wfile.write(answer.body)


@contextlib.contextmanager
def serving(answer: Callable[[Request], Answer]) -> Iterator[StandIn]:
    with StandIn(answer) as server:
        yield server
