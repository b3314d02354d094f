"""What the clients know of each other's orders: what is stored, what waits to be repeated, what nobody will repeat."""
import random
from collections import deque

from chaos.history import ACKNOWLEDGED, NOT_ACCEPTED, REFUSED, REUSED, UNKNOWN, UNSENT, Request, Sent

KEPT = 4000           # of each kind; the oldest are forgotten
ABANDONED_PART = 0.25  # of orders that were rejected, or are in doubt, so many are never sent again


class Known:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.stored: deque[tuple[Sent, str]] = deque(maxlen=KEPT)  # with the order_id
        self.abandoned: deque[Sent] = deque(maxlen=KEPT)
        self.to_repeat: list[Sent] = []
        self.batches: list[list[Sent]] = []  # atomic batches to repeat, each as a whole

    def note(self, request: Request) -> bool:
        """After a request to store orders. True: all of them have their answer."""
        doubtful = []
        for sent, verdict in zip(request.sent, request.verdicts, strict=True):
            if verdict.outcome in ACKNOWLEDGED and verdict.order_id:
                self.stored.append((sent, verdict.order_id))
            elif verdict.outcome in (NOT_ACCEPTED, UNKNOWN, UNSENT) and not sent.expect:
                doubtful.append(sent)
        if request.kind == "atomic":
            self._put_batch_aside(request, doubtful)
        else:
            for sent in doubtful:
                self._put_aside(sent)
        return not doubtful

    def _put_aside(self, sent: Sent) -> None:
        if self._rng.random() < ABANDONED_PART or len(self.to_repeat) >= KEPT:
            self.abandoned.append(sent)
        else:
            self.to_repeat.append(sent)

    def _put_batch_aside(self, request: Request, doubtful: list[Sent]) -> None:
        """Whole, or never sent again. Its orders sent alone would complete a batch that was stored in part, and the
        audit would not see it."""
        final = any(verdict.outcome in (REUSED, REFUSED) for verdict in request.verdicts)
        if final or self._rng.random() < ABANDONED_PART or len(self.batches) >= KEPT:
            self.abandoned += doubtful
        elif doubtful:
            self.batches.append(request.sent)

    def take_batch(self, rng: random.Random) -> list[Sent] | None:
        return self.batches.pop(rng.randrange(len(self.batches))) if self.batches else None

    def take(self, rng: random.Random, most: int = 1) -> list[Sent]:
        """Some that wait to be repeated, in no particular order; each id once."""
        taken: dict[tuple[str, str], Sent] = {}
        for _ in range(min(most, len(self.to_repeat))):
            i = rng.randrange(len(self.to_repeat))
            self.to_repeat[i], self.to_repeat[-1] = self.to_repeat[-1], self.to_repeat[i]
            sent = self.to_repeat.pop()
            if taken.setdefault(sent.key, sent) is not sent:
                self.to_repeat.append(sent)
        return list(taken.values())
