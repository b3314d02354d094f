"""One client: a connection that is kept, and a record of every request, whatever becomes of it. Nothing here raises."""
import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from chaos import answers, clock
from chaos.history import (ANSWERED, CLOSED, DEADLINE, GAVE_UP, REFUSED_DIAL, UNKNOWN, UNSENT, History, Request, Sent)
from chaos.http_connection import Closed, Connection, Malformed, NotSent, message

JSON = "application/json"
NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class Limits:
    """Seconds. Within `bound` ordersd must have answered; a client waits a little longer, to see a late answer."""
    write_bound: float = 10.0  # ORDERS_COMMIT_TIMEOUT and a margin for a busy machine
    read_bound: float = 8.0
    patience: float = 6.0
    dial: float = 4.0


@dataclass(frozen=True)
class GiveUp:
    """A client that leaves: after so many bytes of its request, or so many seconds after the last of them."""
    after_bytes: int | None = None
    after_s: float = 0.0


class HttpClient:
    def __init__(self, name: str, history: History, targets: Sequence[tuple[str, int]], rng: random.Random,
                 limits: Limits, replica: str | None, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        """`headers` are those of every request."""
        self.name, self._history, self._targets, self._rng, self._headers = name, history, targets, rng, headers
        self._limits, self._replica = limits, replica
        self._connection: Connection | None = None

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def post(self, kind: str, sent: list[Sent], body: bytes, query: str = "",
                   headers: dict[str, str] | None = None, give_up: GiveUp | None = None) -> Request:
        path = "/v1/orders/batch" if kind in ("batch", "atomic") else "/v1/orders"
        headers = {"Content-Type": JSON, **(headers or {})}
        return await self._ask(kind, sent, "POST", path + query, headers, body, give_up)

    async def get_by_ids(self, account: str, sent: list[Sent]) -> Request:
        ids = ",".join(quote(s.cid, safe=":/") for s in sent)
        return await self._ask("get", sent, "GET", f"/v1/orders?account_id={quote(account)}&client_order_id={ids}")

    async def get_by_order_id(self, sent: Sent, order_id: str) -> Request:
        return await self._ask("get", [sent], "GET", f"/v1/orders/{order_id}")

    async def _ask(self, kind: str, sent: list[Sent], method: str, target: str, headers: dict[str, str] | None = None,
                   body: bytes = b"", give_up: GiveUp | None = None) -> Request:
        request = self._begin(kind, sent)
        text = message(method, target, {"X-Request-Id": request.request_id, **self._headers, **(headers or {})}, body)
        try:
            connection = await self._dialled(request)
        except OSError as error:
            _end(request, REFUSED_DIAL, f"dial: {type(error).__name__}", UNSENT)
        else:
            if give_up is not None:
                await self._leave(request, connection, text, give_up)
            else:
                await self._exchange(request, connection, text)
        request.ended = clock.now()
        self._history.append(request)
        return request

    def _begin(self, kind: str, sent: list[Sent]) -> Request:
        """The records are this request's own: the same order may be in another one, in another place."""
        sent = [Sent(one.account, one.cid, one.content, slot, one.expect, one.expires) for slot, one in enumerate(sent)]
        n = self._history.next_n()
        bound = self._limits.read_bound if kind == "get" else self._limits.write_bound
        return self._history.begin(Request(n, self.name, kind, clock.now(), sent=sent, replica=self._replica,
                                           request_id=f"chaos-{n}", bound=bound))

    async def _dialled(self, request: Request) -> Connection:
        connection = self._connection
        if connection is None or not connection.usable:
            self.hang_up()
            host, port = self._rng.choice(self._targets)
            connection = self._connection = await Connection.dial(host, port, self._limits.dial)
        request.connection = connection.name
        return connection

    async def _exchange(self, request: Request, connection: Connection, text: bytes) -> None:
        try:
            answer = await connection.ask(text, request.bound + self._limits.patience)
        except Closed as closed:
            _end(request, CLOSED, str(closed), UNSENT if isinstance(closed, NotSent) else UNKNOWN)
        except TimeoutError:
            connection.abort()
            _end(request, DEADLINE, None)
        except Malformed as malformed:
            connection.abort()
            request.flaw = str(malformed)
            _end(request, ANSWERED, None)
        else:
            request.end = ANSWERED
            answers.parse_answer(request, answer)
        if not connection.usable:
            self.hang_up()

    async def _leave(self, request: Request, connection: Connection, text: bytes, give_up: GiveUp) -> None:
        """Of a request that was not sent whole ordersd cannot store anything."""
        whole = connection.usable and (give_up.after_bytes is None or give_up.after_bytes >= len(text))
        connection.send(text if whole else text[:give_up.after_bytes])
        await asyncio.sleep(give_up.after_s)
        self.hang_up()
        _end(request, GAVE_UP, None, UNKNOWN if whole else UNSENT)


def _end(request: Request, end: str, code: str | None, outcome: str = UNKNOWN) -> None:
    request.end = end
    request.verdicts = answers.nothing_known(request, code, outcome)
