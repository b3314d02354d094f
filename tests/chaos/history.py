"""What the clients asked and were answered: every request, in memory and as JSON lines on disk.

A request that has begun and has no end yet is open. An audit that reads the table while clients run
treats it as in doubt.

Times are seconds since the start of the run, by time.monotonic(). `History.epoch` is the Unix time
of that start, so that the moments that ordersd stamps can be placed on the same axis.
"""
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

from chaos import clock

# What became of one order of one request, by the contract (api/openapi.yaml, README).
CREATED = "created"            # 201
REPLAYED = "replayed"          # 200
REUSED = "reused"              # 422 client_order_id_reused: another order has this id
NOT_ACCEPTED = "not_accepted"  # 503, 429, 408 or 424: this request stored nothing, and may be repeated
REFUSED = "refused"            # 4xx for good, or 500 with the outcome not_accepted: stored nothing
UNKNOWN = "unknown"            # 504, or sent and without a whole answer: may be stored, now or later
UNSENT = "unsent"              # the request never left whole, so ordersd cannot have read it
VALID = "valid"                # 200 to validate_only: checked, nothing stored

# What a GET said of one id.
FOUND = "found"
ABSENT = "absent"              # 404 order_not_found, or listed in not_found
NOT_FETCHED = "not_fetched"    # listed in not_fetched: it is stored, and not shown
FAILED = "failed"              # no answer, or one that says nothing about the id

ACKNOWLEDGED = frozenset((CREATED, REPLAYED))
RESOLVED = frozenset((CREATED, REPLAYED, REUSED))  # only these resolve an id
MAY_WRITE = frozenset((CREATED, UNKNOWN))         # only such a request can have stored the order
WRITES = frozenset(("single", "batch", "atomic"))

# How a request ended, whatever was answered.
ANSWERED = "answered"
CLOSED = "closed"      # the other side ended the connection before a whole answer
REFUSED_DIAL = "dial"  # no connection
DEADLINE = "deadline"  # nothing came by the deadline of the client
GAVE_UP = "gave_up"    # the client hung up on purpose
OPEN = "open"          # no end yet

Key = tuple[str, str]  # account_id, client_order_id
Span = tuple[float, float]


class Content(NamedTuple):
    """The fields by which orders of one id are compared, each in the one form that the table would give it."""
    symbol: str
    side: str
    type: str
    quantity: str
    limit_price: str | None
    stop_price: str | None
    time_in_force: str
    metadata: str | None  # JSON with sorted keys and no blanks

    def differing(self, other: "Content") -> list[str]:
        return [name for name, mine, theirs in zip(self._fields, self, other) if mine != theirs]


@dataclass(slots=True)
class Sent:
    """One order of a request, or one id that a GET asks for (then content is what the client knows of it, or None)."""
    account: str
    cid: str
    content: Content | None
    slot: int = 0
    expect: str = ""  # the code of the refusal that the order was made for; '': it is valid
    expires: float | None = None  # of an order with max_age_ms: when it is too old to be written

    @property
    def key(self) -> Key:
        return self.account, self.cid


@dataclass(slots=True)
class Verdict:
    outcome: str
    order_id: str | None = None       # of a reused id: that of the stored order
    code: str | None = None           # of a problem
    status: int | None = None         # of this order alone
    content: Content | None = None    # as the answer shows it, if it does
    received_at: float | None = None  # Unix time, as the answer shows it
    differing: tuple[str, ...] | None = None  # of a reused id


@dataclass(slots=True)
class Request:
    n: int
    client: str
    kind: str  # single, batch, atomic, get (by ids or by order_id), validate
    began: float  # before the first byte was written
    ended: float | None = None
    connection: str = ""
    status: int | None = None
    sent: list[Sent] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)  # one for each sent
    replica: str | None = None     # who answered, if the answer says so or the client dialled it
    request_id: str | None = None  # X-Request-Id, as the logs of ordersd have it
    end: str = OPEN
    flaw: str | None = None        # what is wrong with the form of the answer
    code: str | None = None        # of a problem document that answers the whole request
    bound: float | None = None     # seconds within which ordersd must have answered

    def outcome(self, slot: int, at: float | None = None) -> str:
        """Of one order, as it was known at that time."""
        if self.ended is None or (at is not None and self.ended > at):
            return FAILED if self.kind == "get" else UNKNOWN
        return self.verdicts[slot].outcome

    def ended_before(self, moment: float) -> bool:
        return self.ended is not None and self.ended < moment


class Attempt(NamedTuple):
    """One order of one request."""
    request: Request
    slot: int

    @property
    def sent(self) -> Sent:
        return self.request.sent[self.slot]

    @property
    def verdict(self) -> Verdict | None:
        return self.request.verdicts[self.slot] if self.request.verdicts else None


class History:
    def __init__(self, epoch: float = 0.0):
        self.epoch = epoch
        self.holds: list[Span] = []  # when a fault may have held requests on their way to ordersd
        self.requests: list[Request] = []  # in the order of their ends
        self.open: dict[int, Request] = {}
        self._by_key: dict[Key, list[Attempt]] = {}
        self._indexed = 0
        self._n = 0

    @staticmethod
    def starting() -> "History":
        """Of a run whose clock has just been started."""
        return History(time.time() - clock.now())

    def next_n(self) -> int:
        self._n += 1
        return self._n

    def begin(self, request: Request) -> Request:
        self.open[request.n] = request
        return request

    def append(self, request: Request) -> None:
        """Takes a request that has its end."""
        if len(request.verdicts) != len(request.sent) or request.ended is None:
            raise ValueError(f"request {request.n} has {len(request.verdicts)} verdicts for {len(request.sent)} orders")
        self.open.pop(request.n, None)
        self._n = max(self._n, request.n)
        self.requests.append(request)

    def every(self) -> Iterator[Request]:
        yield from self.requests
        yield from self.open.values()

    def by_id(self, account: str, cid: str) -> list[Attempt]:
        """All that was asked about one id, by the time it began; open requests too."""
        found = list(self._index().get((account, cid), ()))
        found += [Attempt(request, slot) for request in self.open.values()
                  for slot, sent in enumerate(request.sent) if sent.key == (account, cid)]
        return sorted(found, key=lambda attempt: (attempt.request.began, attempt.request.n, attempt.slot))

    def keys(self) -> dict[Key, list[Attempt]]:
        """The attempts of every id, open requests included. The lists are the caller's."""
        index = {key: list(attempts) for key, attempts in self._index().items()}
        for request in self.open.values():
            for slot, sent in enumerate(request.sent):
                index.setdefault(sent.key, []).append(Attempt(request, slot))
        return index

    def _index(self) -> dict[Key, list[Attempt]]:
        for request in self.requests[self._indexed:]:
            for slot, sent in enumerate(request.sent):
                self._by_key.setdefault(sent.key, []).append(Attempt(request, slot))
        self._indexed = len(self.requests)
        return self._by_key

    def save(self, path: Path | str) -> None:
        with open(path, "w", encoding="utf-8") as out:
            out.write(json.dumps({"epoch": self.epoch, "holds": self.holds}) + "\n")
            for request in self.every():
                out.write(json.dumps(_pack(request), separators=(",", ":")) + "\n")

    @staticmethod
    def load(path: Path | str) -> "History":
        with open(path, encoding="utf-8") as lines:
            head = json.loads(next(lines))
            history = History(head["epoch"])
            history.holds = [(began, ended) for began, ended in head["holds"]]
            for line in lines:
                request = _unpack(json.loads(line))
                if request.ended is None:
                    history.begin(request)
                else:
                    history.append(request)
        return history

    @staticmethod
    def of(requests: Iterable[Request], epoch: float = 0.0) -> "History":
        history = History(epoch)
        for request in requests:
            if request.ended is None:
                history.begin(request)
            else:
                history.append(request)
        return history


# One object a line; members that have their default value are left out.

def _pack_members(thing: Request | Sent | Verdict) -> dict:
    packed = {}
    for member in fields(thing):
        value = getattr(thing, member.name)
        if value is None or value == "" or (member.name == "slot" and value == 0):
            continue
        packed[member.name] = value
    return packed


def _pack(request: Request) -> dict:
    packed = _pack_members(request)
    packed["sent"] = [_pack_members(sent) for sent in request.sent]
    packed["verdicts"] = [_pack_members(verdict) for verdict in request.verdicts]
    return packed


def _with_content(packed: dict) -> dict:
    if "content" in packed:
        packed["content"] = Content(*packed["content"])
    return packed


def _unpack(packed: dict) -> Request:
    packed["sent"] = [Sent(**{"content": None, **_with_content(sent)}) for sent in packed["sent"]]
    packed["verdicts"] = [Verdict(**_with_content(verdict)) for verdict in packed["verdicts"]]
    for verdict in packed["verdicts"]:
        if verdict.differing is not None:
            verdict.differing = tuple(verdict.differing)
    return Request(**packed)
