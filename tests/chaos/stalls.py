"""Notices when the whole machine stood still, because a request that is late then says nothing about ordersd.

No test may depend on speed. So a heart beats beside the clients. A beat that comes far too late exempts the requests
that are late, and those that ordersd gave up for time, until all that had begun before is over. It exempts nothing
else.
"""
import asyncio
from collections.abc import Callable

from chaos import clock
from chaos.findings import Exemption
from chaos.history import Span

BEAT_S = 0.1
STALL_S = 1.0   # a beat that is later than that
AFTER_S = 10.0  # by then all that was under way has ended
EXEMPT = ("late", "unavailable/queue_slow", "unavailable/queue_full", "unavailable/commit_timeout",
           "unavailable/commit_unknown", "unavailable/database_down", "unavailable/balancer_503", "unavailable/dial")


class Heart:
    """`say` has each stall for the timeline."""

    def __init__(self, say: Callable[[str], None] = lambda text: None) -> None:
        self._say = say
        self.stalls: list[Span] = []

    async def beat(self) -> None:
        """Until it is cancelled."""
        while True:
            began = clock.now()
            await asyncio.sleep(BEAT_S)
            self.note(began, clock.now())

    def note(self, began: float, ended: float) -> None:
        if ended - began - BEAT_S > STALL_S:
            self.stalls.append((began, ended))
            self._say(f"the machine stood still for {ended - began:.1f} s: what is late until {ended + AFTER_S:.1f} s "
                      "is exempted")

    def exemptions(self) -> list[Exemption]:
        return [Exemption(rule, began, ended + AFTER_S, "the machine stood still")
                for began, ended in self.stalls for rule in EXEMPT]
