"""Orders at a constant rate, whatever becomes of those before: each that is due takes a connection that is free, or a new one."""
import asyncio
import random

from chaos import clock
from chaos.history import History, Sent
from chaos.http_client import HttpClient, Limits
from chaos.orders import make_content, render
from chaos.service import HOST

LIMITS = Limits(write_bound=12.0)  # ORDERS_COMMIT_TIMEOUT is 10 s


class Load:
    def __init__(self, history: History, name: str, port: int, rate: float) -> None:
        self._history, self._name, self._target, self._rate = history, name, (HOST, port), rate
        self._rng = random.Random(name)
        self._idle: list[HttpClient] = []
        self._requests: set[asyncio.Task[None]] = set()
        self._going = asyncio.create_task(self._go())

    async def stop(self) -> None:
        """Sends no more, and returns when every request has its end."""
        self._going.cancel()
        await asyncio.gather(*self._requests)
        for http in self._idle:
            http.hang_up()

    async def _go(self) -> None:
        began, n = clock.now(), 0
        while True:
            await asyncio.sleep(began + n / self._rate - clock.now())
            request = asyncio.create_task(self._post(n))
            self._requests.add(request)
            request.add_done_callback(self._requests.discard)
            n += 1

    async def _post(self, n: int) -> None:
        http = self._idle.pop() if self._idle else self._client(n)
        order = Sent(self._name, str(n), make_content(self._rng))
        await http.post("single", [order], render(order).encode())
        self._idle.append(http)

    def _client(self, n: int) -> HttpClient:
        return HttpClient(f"{self._name}-{n}", self._history, [self._target], self._rng, LIMITS, None)
