"""All clients of a run, at one rate in all: started, paused, and at the end made to resolve what is in doubt."""
import asyncio
import random
from collections.abc import Sequence

from chaos import clock
from chaos.clients import AtomicBatcher, Batcher, Client, Herd, Poster, Reader
from chaos.history import REUSED, RESOLVED, History, Sent
from chaos.http_client import HttpClient, Limits
from chaos.known import Known
from chaos.orders import render

# How many of each kind, and their part of the rate in orders. Readers send a request for every ten orders.
KINDS: tuple[tuple[type[Client], int, float], ...] = (
    (Poster, 16, 0.5), (Batcher, 3, 0.25), (AtomicBatcher, 2, 0.1), (Herd, 2, 0.15), (Reader, 2, 0.1))
CONNECTIONS = {Herd: 6, AtomicBatcher: 2}  # of one client, where it is not 1
BEHIND_MAX_S = 0.5     # a client that is further behind does not catch up, so that no flood follows an outage
BACK_OFF_S = (0.02, 0.4)
RESOLVERS = 16


class Workload:
    def __init__(self, history: History, targets: Sequence[tuple[str, int]], seed: int | str, *, rate: float = 400.0,
                 replicas: int = 1, label: str = "a") -> None:
        """`label` is in every account_id: two workloads that share a table need different ones."""
        self._history, self._targets, self._seed, self._label = history, targets, seed, label
        self._replica = "replica-0" if replicas == 1 else None  # else the answer says it
        self._known = Known(self._rng("known"))
        self._going = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._http_clients: list[HttpClient] = []
        self._stepping = 0
        self._clients = [(self._make(kind, n), rate * part / count)
                         for kind, count, part in KINDS for n in range(count)]
        self.unresolved: list[Sent] = []  # after stop()

    def _rng(self, name: str) -> random.Random:
        return random.Random(f"{self._seed}/client/{self._label}/{name}")

    def _http_client(self, name: str) -> HttpClient:
        http = HttpClient(name, self._history, self._targets, self._rng(f"{name}/http"), Limits(), self._replica)
        self._http_clients.append(http)
        return http

    def _make(self, kind: type[Client], n: int) -> Client:
        name = f"{kind.__name__.lower()}-{n}"
        rng, account = self._rng(name), f"{self._label}:{name}"
        if kind in CONNECTIONS:
            return kind(account, [self._http_client(f"{name}.{i}") for i in range(CONNECTIONS[kind])], self._known, rng)
        return kind(account, self._http_client(name), self._known, rng)

    # ---- start, pause, stop ----

    async def start(self) -> None:
        self._going.set()
        self._tasks = [asyncio.create_task(self._run(client, orders_per_s), name=client.account)
                       for client, orders_per_s in self._clients]

    async def pause(self) -> None:
        """Returns when no request is open."""
        self._going.clear()
        while self._stepping > 0:
            await asyncio.sleep(0.02)

    async def stop(self, resolve_s: float) -> None:
        """Ends the clients. With some seconds, what is open ends, and what waits to be repeated is repeated until it is
        resolved; with none, all ends at once."""
        self._stopping = True
        self._going.set()
        if resolve_s > 0:
            await asyncio.gather(*self._tasks)
            await self._resolve(clock.now() + resolve_s)
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for http in self._http_clients:
            http.hang_up()
        for result in results:
            if isinstance(result, Exception):
                raise result

    # ---- one client ----

    async def _run(self, client: Client, orders_per_s: float) -> None:
        gap = client.orders / orders_per_s
        due = clock.now() + client.rng.random() * gap
        while not self._stopping:
            await self._going.wait()
            due = max(due, clock.now() - BEHIND_MAX_S)
            await self._sleep_until(due)
            if self._stopping or not self._going.is_set():
                continue
            due += client.rng.expovariate(1 / gap)
            await self._step(client)

    async def _sleep_until(self, due: float) -> None:
        while not self._stopping and (left := due - clock.now()) > 0:
            await asyncio.sleep(min(left, 0.5))

    async def _step(self, client: Client) -> None:
        self._stepping += 1
        try:
            good = await client.step()
        finally:
            self._stepping -= 1
        if not good:
            await asyncio.sleep(client.rng.uniform(*BACK_OFF_S))

    # ---- what is in doubt ----

    async def _resolve(self, until: float) -> None:
        """As the contract asks of every client: the same id again, until a 2xx or client_order_id_reused."""
        singles = {(sent.key, sent.content): sent for sent in self._known.to_repeat}.values()
        waiting = [*([sent] for sent in singles), *self._known.batches]
        resolvers = [self._resolver(self._http_client(f"resolver-{n}"), waiting, until) for n in range(RESOLVERS)]
        await asyncio.gather(*resolvers)
        self.unresolved = [sent for orders in waiting for sent in orders]

    async def _resolver(self, http: HttpClient, waiting: list[list[Sent]], until: float) -> None:
        while waiting and clock.now() < until:
            orders = waiting.pop()
            if not await resolved(http, orders):
                waiting.append(orders)
                await asyncio.sleep(0.3)


async def resolved(http: HttpClient, orders: list[Sent]) -> bool:
    """Sends one order alone, and several as the atomic batch that they were. An order that is another's id refuses
    them all for good."""
    text = ",".join(render(sent) for sent in orders)
    if len(orders) == 1:
        request = await http.post("single", orders, text.encode())
    else:
        request = await http.post("atomic", orders, f"[{text}]".encode(), "?atomic=true")
    outcomes = {verdict.outcome for verdict in request.verdicts}
    return outcomes <= RESOLVED or REUSED in outcomes
