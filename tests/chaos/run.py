"""One run: the world is made, clients begin, a schedule is played, and every answer is compared with the table."""
import asyncio
import contextlib
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos import clock, exit_codes, explain, rest, schedule, wait
from chaos.audit import Exempted, compare, unresolved
from chaos.findings import Violation, violation
from chaos.forked import in_child
from chaos.history import History
from chaos.play import Play
from chaos.results import Result
from chaos.sql import SqlError
from chaos.stalls import Heart
from chaos.workload import Workload
from chaos.world import WorldOptions, World

PROGRESS_S = 10.0
AUDIT_S = 120.0
REST_S = 120.0
RESOLVE_S = 40.0
LATE_S = 300.0  # a schedule may end so much later, for faults that wait for each other and for the last recovery


@dataclass
class RunOptions:
    """What a run does, and where it reports."""
    world: WorldOptions
    seconds: float
    kinds: Sequence[str]
    out: Path                       # of a failing run: timeline, history and logs
    rate: float = 400.0             # orders a second
    checkpoint_s: float = 30.0
    command: str = ""               # that repeats the run
    say: Callable[[str], None] = field(default=lambda text: print(text, flush=True))


class Run:
    def __init__(self, options: RunOptions) -> None:
        self.options, self.say = options, options.say
        clock.restart()
        self.history = History.starting()
        self.world = World(options.world)
        self.world.on_note = lambda at, text: self.say(f"{at:6.1f} s  {text}")
        self.violations: list[Violation] = []
        self.exempted = Exempted()
        self.heart = Heart(self.world.note)
        planned = schedule.draw(options.world.seed, options.seconds, options.kinds, options.world.replicas)
        self.play = Play(self.world, self.history, planned, options.seconds)
        self.rows = 0

    async def whole(self) -> Result:
        trouble = "the run did not come to its end"
        try:
            await self.world.start()
            self.world.note(f"the world is there: {self.options.world.replicas} replicas")
            await self._loaded()
            trouble = ""
        except Exception:
            trouble = traceback.format_exc()
            self.say(f"HARNESS FAILED {trouble}")
        finally:
            result = self._result(trouble)
            self._keep(result)
            await self.world.close()
        return result

    async def _loaded(self) -> None:
        baseline = await rest.before(self.world)
        workload = Workload(self.history, self.world.http, self.world.seed, rate=self.options.rate,
                      replicas=len(self.world.replicas))
        await workload.start()
        works = (self.play.all(), self._watch(), self._progress(), self.heart.beat())
        tasks = [asyncio.create_task(work) for work in works]
        playing, watching, *_ = tasks
        try:
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED, timeout=self.options.seconds + LATE_S)
            if not (playing.done() or watching.done()):
                raise RuntimeError(f"the schedule has not come to its end {LATE_S:g} s after it should")
            if playing.done() and not self.violations:
                await asyncio.wait([watching], timeout=max(0.0, self.options.seconds - self._loaded_for()))
        finally:
            await self._end(tasks)
        if not self.violations:
            await self._final(workload, baseline)
        else:
            await workload.stop(0)

    def _loaded_for(self) -> float:
        return clock.now() - self.play.began

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    # ---- while it runs ----

    async def _watch(self) -> None:
        """Ends when a promise is broken: at once if a replica has ended or is stuck, at a checkpoint by answers."""
        due = clock.now() + self.options.checkpoint_s
        while not self.violations:
            await asyncio.sleep(0.5)
            self._check_services()
            if clock.now() >= due:
                due = clock.now() + self.options.checkpoint_s
                await self._checkpoint()

    def _check_services(self) -> None:
        ends = self.world.unexpected_ends(self.heart.stalls)
        self._broken(*(violation("ended", clock.now(), text) for text in ends),
                     *(violation("rest/recovery", clock.now(), text) for text in self.play.stuck))

    async def _checkpoint(self) -> None:
        try:
            found = await self._audit()
        except (SqlError, RuntimeError, OSError, asyncio.TimeoutError) as error:  # a fault may have the primary away
            self.world.note(f"checkpoint left out: {error}")
            return
        self.world.note(f"checkpoint: {len(self.history.requests):,} requests, {len(found)} broken promises")
        self._broken(*found)

    async def _audit(self, last: bool = False) -> list[Violation]:
        at = clock.now()
        rows = await self.world.rows()
        self.rows = len(rows)
        exemptions = self.play.current_exemptions() + self.heart.exemptions()
        self.history.holds = self.play.holds() + self.heart.stalls
        found, self.exempted = await in_child(
            lambda: compare(self.history, rows, exemptions, None if last else at), AUDIT_S)
        return found

    def _broken(self, *found: Violation) -> None:
        self.violations += found
        for one in found[:5]:
            self.world.note(f"BROKEN PROMISE {one.rule}: {one.text}")

    async def _progress(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS_S)
            active = ", ".join(self.play.now_active()) or "no fault"
            ready = sum([await service.ready() for service in self.world.replicas])
            self.say(f"{clock.now():6.1f} s  {self._counts_text()}; {ready}/{len(self.world.replicas)} ready; {active}")

    def _counts_text(self) -> str:
        return ", ".join(f"{name} {count:,}" for name, count in self._counts().most_common(4)) or "no orders yet"

    # ---- at the end ----

    async def _final(self, workload: Workload, baseline: rest.Baseline) -> None:
        """All faults are healed: what is in doubt is resolved, all is back at rest, and the table is compared."""
        try:
            await wait.until(self.world.ready, REST_S, "every replica is ready again", 0.2)
        except wait.TooLate as late:
            self._broken(violation("rest/ready", clock.now(), str(late)))
        await workload.stop(RESOLVE_S)
        self._check_services()
        restless = await rest.check(self.world, self.history, baseline)
        self._broken(*unresolved(workload.unresolved, clock.now()), *await self._audit(last=True), *restless)

    def _counts(self) -> Counter[str]:
        return Counter(v.outcome for r in self.history.requests if r.kind != "get" for v in r.verdicts)

    def _result(self, trouble: str) -> Result:
        world = self.options.world
        result = Result(world.seed, world.replicas, self.options.seconds, self.play.records, dict(self._counts()),
                        dict(Counter(r.kind for r in self.history.requests)), self.rows,
                        [_plain(found) for found in self.violations], stalls=self.heart.stalls,
                        trouble=trouble or "\n".join(self.play.trouble), command=self.options.command)
        result.note_exempted(self.exempted)
        return result

    def _keep(self, result: Result) -> None:
        """A failing run explains itself, before its world and the logs in it are removed."""
        if result.exit_code() in (exit_codes.KEPT, exit_codes.NOTHING_TESTED):
            return
        head = f"{result.command}\n{result.trouble}"
        timeline = explain.keep(self.options.out, self.world, self.history, self.violations, head)
        result.append_to(self.options.out / "result.jsonl")
        self.say(f"what happened: {timeline}")


def _plain(found: Violation) -> dict[str, object]:
    return {"rule": found.rule, "at": round(found.at, 3), "account": found.account, "cid": found.cid,
            "text": found.text, "requests": [request.n for request in found.requests]}
