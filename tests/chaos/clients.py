"""The clients of a run: each kind does one thing that clients do, at its part of the rate, with its own random numbers.

All but the readers send orders; what is rejected or in doubt is repeated under the same id, at once or later, by the
same client or another one, alone or in a batch, but an atomic batch as a whole; some is never repeated, so that nothing
hides a false `not_accepted`.
"""
import asyncio
import gzip
import random
import time
from collections.abc import Iterable

from chaos import clock
from chaos.history import Content, Request, Sent
from chaos.http_client import JSON, NDJSON, HttpClient, GiveUp
from chaos.known import Known
from chaos.orders import INVALID, make_content, make_other, render, render_invalid

REPEATED_PART = 0.4  # of the atomic batches, if one waits to be repeated
PLAIN_PART = 0.7  # of the orders are rendered plainly, the others in one of the many ways that mean the same


class Client:
    """Base of all kinds. `orders` is how many orders one step sends, about: the pace counts them."""
    orders = 1.0

    def __init__(self, account: str, http: HttpClient, known: Known, rng: random.Random) -> None:
        self.account, self.http, self.known, self.rng = account, http, known, rng
        self._n = 0

    async def step(self) -> bool:
        """One request, or one round of them. False: something was rejected or in doubt, so wait a little."""
        raise NotImplementedError

    def new(self, content: Content | None = None, expect: str = "") -> Sent:
        self._n += 1
        cid = f"o-{self._n}" if self._n % 10 else f"x/{self._n}:a.b_c"
        return Sent(self.account, cid, content or make_content(self.rng), expect=expect)

    def conflicting(self) -> Sent | None:
        """Another order under an id that is stored."""
        if not self.known.stored:
            return None
        sent, _ = self.rng.choice(self.known.stored)
        return Sent(sent.account, sent.cid, make_other(sent.content, self.rng))

    def stored(self) -> Sent | None:
        return self.rng.choice(self.known.stored)[0] if self.known.stored else None

    def repeated(self) -> Sent | None:
        taken = self.known.take(self.rng)
        return taken[0] if taken else None

    def text(self, sent: Sent) -> str:
        if sent.expect in INVALID:
            return render_invalid(sent)
        return render(sent, None if self.rng.random() < PLAIN_PART else self.rng)

    def drawn(self, *choices: tuple[float, object]) -> object:
        return self.rng.choices([what for _, what in choices], [weight for weight, _ in choices])[0]


class Poster(Client):
    """Single orders: new ones, repeats, replays, conflicts, orders that break rules, orders that age, and hang-ups."""

    async def step(self) -> bool:
        act = self.drawn((60, self._fresh), (25, self._again), (7, self._replay), (5, self._conflict),
                         (2, self._invalid), (2, self._aging), (2, self._validate), (2, self._leave))
        return self.known.note(await act())

    async def _post(self, sent: Sent, give_up: GiveUp | None = None) -> Request:
        headers = {"Prefer": "return=minimal"} if self.rng.random() < 0.3 else {}
        text = self.text(sent)
        if self.rng.random() < 0.1 and not sent.expect:
            headers["Idempotency-Key"] = self.rng.choice((sent.cid, f'"{sent.cid}"'))
            text = text.replace(f'"{sent.cid}"', "null")
        return await self.http.post("single", [sent], text.encode(), "", headers, give_up)

    async def _fresh(self) -> Request:
        return await self._post(self.new())

    async def _again(self) -> Request:
        return await self._post(self.repeated() or self.new())

    async def _replay(self) -> Request:
        return await self._post(self.stored() or self.new())

    async def _conflict(self) -> Request:
        return await self._post(self.conflicting() or self.new())

    async def _invalid(self) -> Request:
        return await self._post(self.new(expect=self.rng.choice(INVALID)))

    async def _aging(self) -> Request:
        """With sent_at and max_age_ms. The clock of ordersd is the one that counts: a fault may have stepped it."""
        sent = self.new(expect="stale_order")
        age_ms = self.rng.choice((500, 2000, 10_000))
        moment = time.time()
        sent.expires = clock.now() + age_ms / 1000
        sent_at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e6):06d}Z"
        text = render(sent, None, sent_at=sent_at, max_age_ms=age_ms)
        return await self.http.post("single", [sent], text.encode())

    async def _validate(self) -> Request:
        sent = self.new()
        request = await self.http.post("validate", [sent], self.text(sent).encode(), "?validate_only=true")
        self.known.abandoned.append(sent)
        return request

    async def _leave(self) -> Request:
        sent = self.new()
        text = self.text(sent)
        part = None if self.rng.random() < 0.6 else self.rng.randrange(1, 300 + len(text) // 2)
        return await self._post(sent, GiveUp(part, self.rng.choice((0.0, 0.0, 0.01, 0.3))))


class Batcher(Client):
    """Batches, as an array or as lines, in which orders of every kind are mixed; some ids are there twice."""
    orders = 12.0
    kind, query = "batch", ""

    async def step(self) -> bool:
        request = await self._send(self._mixed())
        if self.rng.random() < 0.2:
            self.known.note(request)
            request = await self._send(request.sent)
        return self.known.note(request)

    def _mixed(self) -> list[Sent]:
        size = self.drawn((80, 10), (15, 40), (2, 300)) * self.rng.random() + 1
        batch = [self.new() for _ in range(int(size))]
        batch += self.known.take(self.rng, self.rng.randrange(8))
        batch += self._odd(0.1, self.stored) + self._odd(0.1, self.conflicting)
        batch += self._odd(0.05, lambda: self.new(expect="invalid_order"))
        batch += self._odd(0.1, lambda: batch[0])
        batch += self._odd(0.05, lambda: Sent(batch[0].account, batch[0].cid, make_other(batch[0].content, self.rng)))
        self.rng.shuffle(batch)
        return batch

    def _odd(self, part: float, make: object) -> list[Sent]:
        one = make() if self.rng.random() < part else None
        return [] if one is None else [one]

    async def _send(self, batch: list[Sent]) -> Request:
        texts = [self.text(sent) for sent in batch]
        headers = {"Content-Type": JSON}
        body = "[" + ",".join(texts) + "]"
        if self.rng.random() < 0.4:
            headers["Content-Type"] = NDJSON
            body = "\n".join(texts)
        if self.rng.random() < 0.3:
            headers["Accept"] = f"{NDJSON}, */*;q=0.1"
        data = body.encode()
        if self.rng.random() < 0.1:
            headers["Content-Encoding"] = "gzip"
            data = gzip.compress(data, 1)
        return await self.http.post(self.kind, batch, data, self.query, headers)


class AtomicBatcher(Batcher):
    """Batches of which all is stored or nothing; meanwhile somebody reads. In doubt the whole is repeated, as the
    contract asks."""
    kind, query = "atomic", "?atomic=true"
    orders = 8.0

    def __init__(self, account: str, http_clients: Iterable[HttpClient], known: Known, rng: random.Random) -> None:
        writer, self._reader = http_clients
        super().__init__(account, writer, known, rng)

    def _mixed(self) -> list[Sent]:
        batch = [self.new() for _ in range(self.rng.randrange(2, 12))]
        batch += self._odd(0.2, self.stored) + self._odd(0.1, self.conflicting)
        batch += self._odd(0.05, lambda: batch[0])
        batch += self._odd(0.05, lambda: Sent(batch[0].account, batch[0].cid, make_other(batch[0].content, self.rng)))
        self.rng.shuffle(batch)
        return batch

    async def step(self) -> bool:
        batch = (self.rng.random() < REPEATED_PART and self.known.take_batch(self.rng)) or self._mixed()
        for _ in range(self.rng.randrange(1, 4)):
            request, _ = await asyncio.gather(self._send(batch), self._read(batch))
            if request.verdicts[0].status is not None and request.verdicts[0].status < 500:
                break
            await asyncio.sleep(self.rng.random() * 0.5)
        return self.known.note(request)

    async def _read(self, batch: list[Sent]) -> None:
        if self.rng.random() < 0.5:
            await asyncio.sleep(self.rng.random() * 0.01)
            mine = {sent.cid: sent for sent in batch if sent.account == self.account}
            await self._reader.get_by_ids(self.account, list(mine.values()))


class Herd(Client):
    """The same ids from many clients at once: alike or differing, alone, in batches and in atomic ones."""
    orders = 8.0

    def __init__(self, account: str, http_clients: Iterable[HttpClient], known: Known, rng: random.Random) -> None:
        self._http_clients = list(http_clients)
        super().__init__(account, self._http_clients[0], known, rng)

    async def step(self) -> bool:
        act = self.drawn((5, self._singles), (3, self._batches), (2, self._mixture))
        requests = await act()
        return all([self.known.note(request) for request in requests])

    async def _singles(self) -> list[Request]:
        sent = self.new()
        other = Sent(sent.account, sent.cid, make_other(sent.content, self.rng))
        each = [other if self.rng.random() < 0.25 else sent for _ in self._http_clients]
        return await asyncio.gather(*(self._single(http, one) for http, one in zip(self._http_clients, each)))

    async def _single(self, http: HttpClient, sent: Sent) -> Request:
        if self.rng.random() < 0.5:
            await asyncio.sleep(self.rng.random() * 0.01)
        return await http.post("single", [sent], self.text(sent).encode())

    async def _batches(self) -> list[Request]:
        """In different orders: whoever locks row by row meets the others head on."""
        orders = [self.new() for _ in range(self.rng.randrange(2, 8))]
        kinds = [self.rng.choice(("batch", "atomic")) for _ in self._http_clients]
        return await asyncio.gather(*(self._batch(http, kind, orders) for http, kind in zip(self._http_clients, kinds)))

    async def _batch(self, http: HttpClient, kind: str, orders: list[Sent]) -> Request:
        mine = self.rng.sample(orders, self.rng.randrange(1, len(orders) + 1))
        body = "[" + ",".join(self.text(sent) for sent in mine) + "]"
        return await http.post(kind, mine, body.encode(), "?atomic=true" if kind == "atomic" else "")

    async def _mixture(self) -> list[Request]:
        orders = [self.new() for _ in range(3)]
        asks = [self._batch(http, self.rng.choice(("batch", "atomic")), orders) if i % 2 else
                self._single(http, self.rng.choice(orders)) for i, http in enumerate(self._http_clients)]
        return await asyncio.gather(*asks)


class Reader(Client):
    """GETs: of what is stored, in doubt, abandoned, and of what nobody ever sent."""

    async def step(self) -> bool:
        if self.known.stored and self.rng.random() < 0.4:
            sent, order_id = self._recent()
            request = await self.http.get_by_order_id(sent, order_id)
        else:
            request = await self._by_ids()
        return request.status is not None and request.status < 500

    def _recent(self) -> tuple[Sent, str]:
        """Mostly one of the last: a stale answer is most likely there."""
        stored = self.known.stored
        if self.rng.random() < 0.7:
            return stored[-1 - self.rng.randrange(min(len(stored), 20))]
        return self.rng.choice(stored)

    async def _by_ids(self) -> Request:
        pool = [*([self._recent()[0]] if self.known.stored else []),
                *self.rng.sample(self.known.to_repeat, min(4, len(self.known.to_repeat))),
                *([self.rng.choice(self.known.abandoned)] if self.known.abandoned else []),
                Sent(self.account, f"never-{self._n}", None)]
        account = self.rng.choice(pool).account
        pool += [sent for sent, _ in list(self.known.stored)[-8:]]
        wanted = {sent.cid: sent for sent in pool if sent.account == account}
        return await self.http.get_by_ids(account, list(wanted.values()))
