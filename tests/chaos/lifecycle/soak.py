"""The soak: hours at 60 % of the most that the machine takes, with a fault each minute. What is there at rest at the
start and at the end is compared: memory, descriptors, threads, connections, and the table with every answer.

It goes on in chapters. At the end of each the clients resolve what is in doubt, answers and table are compared, and the
table and the logs are emptied, so that hours need no more memory and disk than one chapter. The processes go on."""
import asyncio
import contextlib
import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos import clock, faults, rest, results, wait
from chaos.audit import Exempted, compare, unresolved
from chaos.explain import keep
from chaos.findings import Violation, violation
from chaos.forked import in_child
from chaos.history import ACKNOWLEDGED, RESOLVED, History, Span
from chaos.lifecycle.measure import MIB, Sample, describe, every
from chaos.lifecycle.outcome import Outcome
from chaos.play import Play
from chaos.results import FaultRecord
from chaos.schedule import Planned
from chaos.stalls import Heart
from chaos.workload import Workload
from chaos.world import WorldOptions, World

REPLICAS = 3
LOAD = 0.6
CHAPTER_MINUTES = 5
MINUTE_S = 60.0
BEGIN_S = (2.0, 20.0)  # of its minute, when the fault begins
MOST_S, MORE_THAN_POSSIBLE = 15.0, 10_000.0
RESOLVE_S, REST_S, AUDIT_S = 60.0, 90.0, 300.0
RSS_GROWTH_MAX = 64 << 20  # of one replica; a process that has served large requests keeps some of their memory


@dataclass
class Chapter:
    minutes: int
    outcomes: Counter = field(default_factory=Counter)
    faults: list[FaultRecord] = field(default_factory=list)
    rows: int = 0
    peak_rss: int = 0
    trouble: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    exempted: Exempted = field(default_factory=Exempted)
    stalls: list[Span] = field(default_factory=list)


def kind_of(seed: int, minute: int, kinds: Sequence[str]) -> str:
    """Each kind has its turn before any of them comes again."""
    turn, place = divmod(minute, len(kinds))
    order = sorted(kinds)
    random.Random(f"{seed}/soak/{turn}").shuffle(order)
    return order[place]


def plan(seed: int, first: int, minutes: int, kinds: Sequence[str], replicas: int) -> list[Planned]:
    """A fault in each of the minutes from `first` on, counted from the start of the soak."""
    planned = []
    for minute in range(first, first + minutes):
        rng = random.Random(f"{seed}/soak/minute/{minute}")
        at = (minute - first) * MINUTE_S + rng.uniform(*BEGIN_S)
        planned.append(Planned(round(at, 1), faults.KINDS[kind_of(seed, minute, kinds)](rng, replicas)))
    return planned


async def run(arguments, say) -> list[Outcome]:
    kinds = faults.chosen(arguments.faults)
    options = WorldOptions(seed=arguments.seed, replicas=REPLICAS, program=arguments.program, disk_mib=600,
                      clocks=any(faults.KINDS[kind].steps_clocks for kind in kinds))
    outcome = Outcome(f"soak of {arguments.hours:g} h, a fault a minute, {REPLICAS} replicas behind HAProxy")
    world = World(options)
    try:
        await world.start()
        await Soak(world, kinds, outcome, say).whole(round(arguments.hours * 60))
    finally:
        await world.close()
    return [outcome]


async def not_ready(world: World) -> list[Violation]:
    try:
        await wait.until(world.ready, REST_S, "every replica is ready again", 0.2)
    except wait.TooLate as late:
        return [violation("rest/ready", clock.now(), str(late))]
    return []


def conclude(outcome: Outcome, chapters: Sequence[Chapter]) -> None:
    """A soak in which the harness failed has shown nothing, and so has one in which no fault was injected."""
    outcome.trouble += [text for chapter in chapters for text in chapter.trouble]
    if not any(record.state == results.INJECTED for chapter in chapters for record in chapter.faults):
        outcome.skipped = "no fault was injected"


class Soak:
    def __init__(self, world: World, kinds: Sequence[str], outcome: Outcome, say) -> None:
        self._world, self._kinds, self._outcome, self._say = world, kinds, outcome, say
        self._chapters: list[Chapter] = []
        self._first: rest.Baseline | None = None  # of the first chapter: no later one may have more at its end

    async def whole(self, minutes: int) -> None:
        first = await self._samples()
        most = await self._most()
        self._say(f"the most is {most:.0f} orders/s")
        done = 0
        while done < minutes and not self._outcome.broken:
            chapter = Chapter(min(CHAPTER_MINUTES, minutes - done))
            self._chapters.append(chapter)
            await self._play(chapter, done, LOAD * most)
            done += chapter.minutes
            self._say(f"{done} of {minutes} minutes: {dict(chapter.outcomes)}, {chapter.rows} rows, "
                      f"{len(chapter.faults)} faults, {len(chapter.violations)} broken promises")
        conclude(self._outcome, self._chapters)
        self._report(first, await self._samples(), most)

    async def _samples(self) -> list[Sample]:
        return [await Sample.take(service) for service in self._world.replicas]

    async def _most(self) -> float:
        """What the clients of the soak reach when nothing holds them back and no fault is there."""
        history = History.starting()
        world = self._world
        workload = Workload(history, world.http, world.seed, rate=MORE_THAN_POSSIBLE, replicas=REPLICAS, label="most")
        began = clock.now()
        await workload.start()
        await asyncio.sleep(MOST_S)
        await workload.pause()
        took = clock.now() - began
        await workload.stop(RESOLVE_S)
        requests = [request for request in history.requests if request.ended <= began + took]
        return sum(verdict.outcome in RESOLVED for request in requests for verdict in request.verdicts) / took

    # ---- a chapter ----

    async def _play(self, chapter: Chapter, first: int, rate: float) -> None:
        world = self._world
        await wait.until(world.ready, REST_S, "every replica is ready", 0.2)
        await world.primary.sql("TRUNCATE orders")
        self._empty_logs()
        history, baseline = History.starting(), await rest.before(world)
        self._first = self._first or baseline
        play = Play(world, history, plan(world.seed, first, chapter.minutes, self._kinds, REPLICAS))
        workload = Workload(history, world.http, world.seed, rate=rate, replicas=REPLICAS, label=f"m{first}")
        heart = Heart(world.note)
        beside = [asyncio.create_task(every(1.0, lambda: self._watch(chapter))), asyncio.create_task(heart.beat())]
        try:
            await workload.start()
            await asyncio.gather(play.all(), asyncio.sleep(chapter.minutes * MINUTE_S))
            found = await not_ready(world)
            await workload.stop(RESOLVE_S)
        finally:
            for task in beside:
                task.cancel()
        found += await rest.check(world, history, baseline, self._first, RSS_GROWTH_MAX)
        await self._audit(chapter, history, play, [*found, *unresolved(workload.unresolved, clock.now())], heart)

    def _empty_logs(self) -> None:
        for log in self._world.logs.iterdir():
            with contextlib.suppress(OSError):
                os.truncate(log, 0)

    async def _watch(self, chapter: Chapter) -> None:
        chapter.peak_rss = max(chapter.peak_rss, *(service.rss() for service in self._world.replicas))

    async def _audit(self, chapter: Chapter, history: History, play: Play, found: list[Violation],
                     heart: Heart) -> None:
        """The table is read last: what was still on its way has arrived."""
        rows = await self._world.rows()
        exemptions = [*play.current_exemptions(), *heart.exemptions()]
        history.holds = play.holds() + heart.stalls
        broken, exempted = await in_child(lambda: compare(history, rows, exemptions), AUDIT_S)
        found += broken
        chapter.exempted, chapter.stalls = exempted, heart.stalls
        ends = self._world.unexpected_ends(heart.stalls)
        found += [violation("ended", clock.now(), text) for text in ends]
        found += [violation("rest/recovery", clock.now(), text) for text in play.stuck]
        chapter.rows, chapter.faults, chapter.trouble, chapter.violations = len(rows), play.records, play.trouble, found
        chapter.outcomes = Counter(v.outcome for r in history.requests if r.kind != "get" for v in r.verdicts)
        self._outcome.broken += [f"{one.rule}: {one.text}" for one in found]
        if found:
            self._keep(history, found)

    def _keep(self, history: History, found: list[Violation]) -> None:
        """A chapter that fails explains itself."""
        out = self._world.options.program.parent / "chaos" / f"soak-{self._world.seed}"
        self._say(f"what happened: {keep(out, self._world, history, found, self._outcome.name)}")

    # ---- the report ----

    def _report(self, first: list[Sample], last: list[Sample], most: float) -> None:
        figure, chapters = self._outcome.figure, self._chapters
        minutes = sum(chapter.minutes for chapter in chapters)
        total: Counter = sum((chapter.outcomes for chapter in chapters), Counter())
        every_fault = [record for chapter in chapters for record in chapter.faults]
        figure("length", f"{minutes} minutes in {len(chapters)} chapters")
        figure("load", f"{LOAD * most:.0f} orders/s, {LOAD:.0%} of {most:.0f}")
        figure("orders", ", ".join(f"{count:,} {name}" for name, count in total.most_common()))
        figure("acknowledged", f"{sum(total[name] for name in ACKNOWLEDGED):,}; lost 0, doubled 0, falsely refused 0"
               if not self._outcome.broken else "see below")
        injected = [record for record in every_fault if record.state == results.INJECTED]
        figure("faults", f"{len(injected)} of {len(every_fault)} injected, {len({r.kind for r in injected})} kinds")
        recoveries = sorted(r.recovery_s for r in every_fault if r.recovery_s is not None)
        if recoveries:
            figure("recovery", f"median {recoveries[len(recoveries) // 2]:.1f} s, worst {recoveries[-1]:.1f} s")
        figure("peak of resident memory", f"{max(chapter.peak_rss for chapter in chapters) / MIB:.0f} MiB")
        for before, after in zip(first, last):
            figure(f"replica {before.replica} at rest, start", describe(before))
            figure(f"replica {after.replica} at rest, end", describe(after))
        for text in dict.fromkeys(r.text for r in every_fault if r.state in (results.MISSING, results.HARNESS_FAILED)):
            figure("not injected", text)
        for (rule, why), count in sorted(sum((chapter.exempted for chapter in chapters), Exempted()).items()):
            figure("exempted", f"{count} x {rule}: {why}")
        stalls = [ended - began for chapter in chapters for began, ended in chapter.stalls]
        figure("the machine stood still", f"{len(stalls)} times, for {sum(stalls):.0f} s in all")
        for text in results.without_effect(every_fault):
            figure("faults", text)
