"""Plain traffic: clients that send valid orders, keep their connections, obey `Connection: close` and never give up.
Each request is in the history, as those of chaos.clients are."""
import asyncio
import functools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from chaos import clock
from chaos.history import ACKNOWLEDGED, Content, History, Request, Sent
from chaos.http_client import HttpClient, Limits
from chaos.orders import make_content, render
from chaos.service import HOST
from chaos.world import World

AFTER_TROUBLE_S = 0.1  # a client that was refused, or has no connection, waits that long at least
REMEMBERED = 1000
# A service that ends closes idle connections after a second, and a request that meets that has no answer. So clients do
# not send on a connection that was idle for so long, as when the machine is busy and they are late.
TRUSTED_S = 0.5


@dataclass(frozen=True)
class ClientProfile:
    """What one client sends again and again. `metadata` is that of each order, in bytes."""

    kind: str = "single"  # single, batch, atomic, get, or again: an order that was acknowledged, once more
    orders: int = 1
    metadata: int = 0
    pause: float = 0.0  # between an answer and the next request, about
    dials: bool = False  # a connection for each request


class Traffic:
    def __init__(self, world: World, history: History, name: str, limits: Limits = Limits(),
                 headers: Mapping[str, str] = MappingProxyType({})) -> None:
        port = world.balancer.port if world.balancer else world.replicas[0].port
        self._targets = [(HOST, port)]  # past the links: no fault of the network is wanted here
        self._rng = world.rng(f"traffic/{name}")
        self._replica = world.replicas[0].name if len(world.replicas) == 1 else None  # else the balancer says which
        self._history, self._name, self._limits, self._headers = history, name, limits, headers
        self._stopped = asyncio.Event()
        self._stored: deque[Sent] = deque(maxlen=REMEMBERED)
        self._n = 0
        self.connections: set[str] = set()  # by the ports of the clients

    def stop(self) -> None:
        self._stopped.set()

    async def until_stopped(self, groups: Iterable[tuple[ClientProfile, int]]) -> None:
        """Every client sends its next request when the answer to the last one has come."""
        async with asyncio.TaskGroup() as group:
            for profile, count in groups:
                for _ in range(count):
                    group.create_task(self._client(profile))

    async def closed_loop(self, connections: int, seconds: float, profile: ClientProfile) -> None:
        asyncio.get_running_loop().call_later(seconds, self.stop)
        await self.until_stopped([(profile, connections)])

    async def open_loop(self, connections: int, seconds: float, profile: ClientProfile, rate: float) -> None:
        """So many requests a second, whatever the answers are, while one of the connections is free for each."""
        tickets, end = _moments(clock.now(), rate), clock.now() + seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(connections):
                group.create_task(self._paced(profile, tickets, end))

    async def _client(self, profile: ClientProfile) -> None:
        http = self._http_client()
        await asyncio.sleep(self._rng.random() * max(profile.pause, 0.05))
        answered = clock.now()
        while not self._stopped.is_set():
            if profile.dials or clock.now() - answered > TRUSTED_S:
                http.hang_up()
            request = await self._one(http, profile)
            answered = clock.now()
            pause = profile.pause * self._rng.uniform(0.5, 1.5)
            await asyncio.sleep(pause if _good(request) else max(pause, AFTER_TROUBLE_S))
        http.hang_up()

    async def _paced(self, profile: ClientProfile, tickets: Iterator[float], end: float) -> None:
        http = self._http_client()
        while (due := next(tickets)) < end:
            await asyncio.sleep(due - clock.now())
            await self._one(http, profile)
        http.hang_up()

    def _http_client(self) -> HttpClient:
        self._n += 1
        name = f"{self._name}-{self._n}"
        return HttpClient(name, self._history, self._targets, self._rng, self._limits, self._replica, self._headers)

    async def _one(self, http: HttpClient, profile: ClientProfile) -> Request:
        if profile.kind == "get" and self._stored:
            sent = self._rng.choice(self._stored)
            request = await http.get_by_ids(sent.account, [sent])
        elif profile.kind == "again" and self._stored:
            sent = self._rng.choice(self._stored)
            request = await http.post("single", [sent], render(sent).encode())
        else:
            request = await self._post(http, profile)
        self.connections.add(request.connection)
        return request

    async def _post(self, http: HttpClient, profile: ClientProfile) -> Request:
        sent = [self._new(profile) for _ in range(profile.orders)]
        texts = [render(order) for order in sent]
        if profile.kind in ("batch", "atomic"):
            query = "?atomic=true" if profile.kind == "atomic" else ""
            request = await http.post(profile.kind, sent, f"[{','.join(texts)}]".encode(), query)
        else:
            request = await http.post("single", sent, texts[0].encode())
        self._stored += [order for order, verdict in zip(sent, request.verdicts) if verdict.outcome in ACKNOWLEDGED]
        return request

    def _new(self, profile: ClientProfile) -> Sent:
        self._n += 1
        return Sent(f"{self._name}", f"{self._n}", self._content(profile))

    def _content(self, profile: ClientProfile) -> Content:
        return make_content(self._rng)._replace(metadata=_metadata(profile.metadata) if profile.metadata else None)


@functools.cache
def _metadata(size: int) -> str:
    """One text for all orders: the history keeps every order."""
    return f'{{"note":"{"x" * size}"}}'


def _good(request: Request) -> bool:
    return request.status is not None and request.status < 400


def _moments(began: float, rate: float) -> Iterator[float]:
    n = 0
    while True:
        yield began + n / rate
        n += 1
