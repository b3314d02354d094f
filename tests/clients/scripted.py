"""A server that plays a script: the nth request has the nth answer. It keeps what it was asked."""
import http.server
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Orders = list[dict[str, Any]]


@dataclass(frozen=True)
class Reply:
    """`cut`: the connection ends without an answer."""
    status: int = 200
    document: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    page: str | None = None  # what a balancer sends instead of a document
    cut: bool = False

    def body(self) -> bytes:
        return (json.dumps(self.document) if self.page is None else self.page).encode()

    def type(self) -> str:
        if self.page is not None:
            return "text/html"
        return "application/json" if self.status < 400 else "application/problem+json"


Step = Callable[[Orders], Reply]


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    orders: Orders


class Script:
    """A request beyond the end of the script is answered 400, which no client repeats."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = list(steps)
        self.requests: list[Request] = []
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        with self._lock:
            n = len(self.requests)
            self.requests.append(request)
        return self.steps[n](request.orders) if n < len(self.steps) else Reply(400, {"code": "end_of_script"})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = Script(steps)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        reply = self.server.script.answer(Request(self.path, self.headers, parse(body, self.headers["Content-Type"])))
        if reply.cut:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.type(), "Content-Length": str(len(reply.body())), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body())

    def log_message(self, *_: object) -> None:
        pass


def parse(body: str, content_type: str) -> Orders:
    if content_type == "application/x-ndjson":
        return [json.loads(line) for line in body.splitlines()]
    document = json.loads(body)
    return document if isinstance(document, list) else [document]


# ---- answers as those of ordersd ----

def problem(status: int, code: str, outcome: str | None, retryable: bool, **more: object) -> dict[str, Any]:
    said = {} if outcome is None else {"outcome": outcome}
    return {"type": f"urn:ordersd:problem:{code}", "title": code, "status": status, "instance": "urn:ordersd:request:1",
            "code": code, **said, "retryable": retryable, **more}


def refusal(status: int, code: str, outcome: str | None, retryable: bool, retry_after_s: int | None = None,
            **more: object) -> Step:
    """The whole request is refused."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return lambda _: Reply(status, problem(status, code, outcome, retryable, **more), headers)


def page(status: int) -> Step:
    return lambda _: Reply(status, page="<html><body>not of ordersd</body></html>")


def cut(_: Orders) -> Reply:
    return Reply(cut=True)


def stored(status: int) -> Step:
    """The answer to one order."""
    return lambda orders: Reply(status, {**orders[0], "order_id": "01a2097c-351c-7786-b9b4-6445788ae8c4",
                                         "replayed": status == 200})


def error(code: str, outcome: str, retryable: bool, **more: object) -> dict[str, Any]:
    """Of one order of a batch."""
    return {"code": code, "detail": code, "outcome": outcome, "retryable": retryable, **more}


def results(status: int, *items: tuple[int, dict[str, Any] | None]) -> Step:
    """The answer to a batch; an item is a status and the error. The results stand in reverse: their index counts."""
    def reply(orders: Orders) -> Reply:
        found = [{"index": i, "status": of, "client_order_id": orders[i]["client_order_id"],
                  **({"replayed": of == 200} if why is None else {"error": why})} for i, (of, why) in enumerate(items)]
        summary = {"total": len(items), "created": 0, "replayed": 0, "rejected": 0, "unknown": 0}
        return Reply(status, {"summary": summary, "results": found[::-1]})
    return reply
