"""Plays a schedule: injects each fault at its time, heals it, and measures how long the recovery takes."""
import asyncio
import contextlib
import math
import traceback
from collections.abc import Awaitable, Sequence

from chaos import clock, wait
from chaos.findings import Exemption
from chaos.history import CREATED, History, Span
from chaos.results import HARNESS_FAILED, INJECTED, MISSING, NO_EFFECT, NOT_NOW, FaultRecord
from chaos.schedule import Planned
from chaos.world import World

STEP_S = 120.0    # the longest that an inject() or a heal() may take
FREE_S = 15.0     # a fault waits so long for what another one holds; then it is left out
RECOVERY_S = 60.0
SLOW_S = 15.0     # while a recovery takes longer than that no fault begins, so that nothing else can be its reason


class Play:
    def __init__(self, world: World, history: History, planned: Sequence[Planned],
                 seconds: float = math.inf) -> None:
        self._world, self._history, self._planned, self._seconds = world, history, planned, seconds
        self.records = [FaultRecord(p.fault.kind, p.fault.group, p.at, str(p.fault)) for p in planned]
        self.exemptions: list[Exemption] = []
        self._holds: list[Span] = []
        self.trouble: list[str] = []
        self.stuck: list[str] = []  # what did not recover, though no fault was there
        self.began = 0.0
        self._active: dict[int, FaultRecord] = {}

    async def all(self) -> None:
        self.began = clock.now()
        async with asyncio.TaskGroup() as group:
            for n, planned in enumerate(self._planned):
                group.create_task(self._one(n, self.began + planned.at), name=planned.fault.kind)

    def now_active(self) -> list[str]:
        return [record.kind for record in self._active.values()]

    def current_exemptions(self) -> list[Exemption]:
        """Also those of faults that have not been recovered from."""
        open_ones = [exemption for n, record in self._active.items() if record.began is not None
                     for exemption in self._planned[n].fault.exemptions(record.began, clock.now())]
        return self.exemptions + open_ones

    def holds(self) -> list[Span]:
        """When a fault may have held requests on their way to ordersd."""
        return self._holds + [(record.began, clock.now()) for n, record in self._active.items()
                              if self._planned[n].fault.holds and record.began is not None]

    async def _one(self, n: int, at: float) -> None:
        await asyncio.sleep(max(0.0, at - clock.now()))
        fault, record = self._planned[n].fault, self.records[n]
        if why := fault.missing(self._world):
            record.state, record.text = MISSING, f"{fault.kind}: {why}"
            self._world.note(f"skipped {record.text}")
            return
        while self._recovers_slowly():
            await asyncio.sleep(0.1)
        try:
            async with self._world.exclusive.holding(fault.needs, FREE_S):
                if clock.now() + fault.seconds > self.began + self._seconds:
                    self._left_out(record, "it had to wait, and the end is near")
                    return
                await self._inject(n)
        except wait.TooLate as late:
            self._left_out(record, str(late))

    def _recovers_slowly(self) -> bool:
        return any(record.healed is not None and clock.now() - record.healed > SLOW_S
                   for record in self._active.values())

    def _left_out(self, record: FaultRecord, why: str) -> None:
        if record.state != HARNESS_FAILED:
            record.state = NOT_NOW
        self._world.note(f"left out {record.kind}: {why}")

    async def _inject(self, n: int) -> None:
        fault, record = self._planned[n].fault, self.records[n]
        record.began = clock.now()
        self._active[n] = record
        for other in self._active.values() if len(self._active) > 1 else ():
            other.overlapped = True
        try:
            if await self._step(record, "inject", fault.inject(self._world)):
                record.state = INJECTED
                await asyncio.sleep(fault.seconds)
        finally:
            nothing = await self._step(record, "heal", fault.heal(self._world))
            if record.state == INJECTED:
                await self._recover(record)
                self.exemptions += fault.exemptions(record.began, clock.now())
                record.state = NO_EFFECT if nothing else INJECTED
            else:
                self._left_out(record, fault.why or "see above")
            if fault.holds:
                self._holds.append((record.began, clock.now()))
            del self._active[n]

    async def _step(self, record: FaultRecord, step: str, doing: Awaitable[str | None]) -> str | None:
        """A step that fails is the harness's trouble, and no finding about ordersd."""
        try:
            async with asyncio.timeout(STEP_S):
                text = await doing
        except Exception as error:
            text = f"{record.kind} {step}: {type(error).__name__}: {error}"
            self.trouble.append(f"{text}\n{''.join(traceback.format_exception(error))}")
            record.state, record.text = HARNESS_FAILED, text
            self._world.note(f"HARNESS FAILED {text}")
            return None
        if step == "heal":
            record.healed = clock.now()
        if text or (step == "heal" and record.state == INJECTED):
            self._world.note(f"{record.kind}: {text or 'healed'}")
        return text

    async def _recover(self, record: FaultRecord) -> None:
        """Until every replica has created an order that was sent after the heal, and says that it is ready."""
        since, wanted = clock.now(), {service.name for service in self._world.replicas}
        stored = Stored(self._history, since, sorted(wanted)[0] if len(wanted) == 1 else None)

        async def recovered() -> bool:
            return wanted <= stored.by() and await self._world.ready()

        with contextlib.suppress(wait.TooLate):
            await wait.until(recovered, RECOVERY_S, "recovery", 0.1)
            record.recovered = clock.now()
            self._world.note(f"{record.kind}: recovered {record.recovery_s or 0:.1f} s after the heal")
            return
        self._not_recovered(record)

    def _not_recovered(self, record: FaultRecord) -> None:
        there = [other.kind for other in self._active.values() if other.healed is None]
        text = (f"{record.kind}: not every replica has stored an order {RECOVERY_S:g} s after the heal, with "
                f"{', '.join(there) or 'no fault'} there")
        self._world.note(text)
        if not there:
            self.stuck.append(text)


class Stored:
    """Which replicas have created an order of a request that began after a moment. Reads each record once."""

    def __init__(self, history: History, since: float, only: str | None) -> None:
        self._history, self._since, self._only = history, since, only
        self._read = len(history.requests)
        self._found: set[str] = set()

    def by(self) -> set[str]:
        for request in self._history.requests[self._read:]:
            if request.began >= self._since and any(v.outcome == CREATED for v in request.verdicts):
                self._found.add(self._only or request.replica or "")
        self._read = len(self._history.requests)
        return self._found
