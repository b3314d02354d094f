"""An upgrade under load, replica by replica behind HAProxy, and back as far as OPERATIONS promises a way back.

Three programs: the previous release (previous.py), this one, and this one with a migration more (ordersd_next). Nothing
may be lost, no request of clients that obey `Connection: close` may be dropped, what is refused must be said, and the
program that is too old for its schema must say so and end with 70."""
import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from chaos import balancer, wait
from chaos.audit import compare
from chaos.findings import Exemption
from chaos.lifecycle import deploy, previous
from chaos.lifecycle.outcome import Outcome, chosen, course
from chaos.lifecycle.traffic import Traffic
from chaos.process import run as run_command
from chaos.sandbox import free_port
from chaos.service import Service
from chaos.world import WorldOptions, World

SCHEMA_TOO_NEW = 70  # docs/OPERATIONS.md, "Signals and exit codes"
OLD_REFUSALS = ("shutting_down", "starting")
OLD_WHY = "the previous release refuses what comes on open connections at its end, or before it is ready, and says so"
READY_S = 20.0
CALM_S = 2.0


@dataclass(frozen=True)
class Case:
    name: str
    steps: Callable[["Roll", Path, Path], Awaitable[None]]
    new: Path


async def run(arguments, say) -> list[Outcome]:
    program, following = arguments.program, arguments.program.parent / "ordersd_next"
    if not following.is_file():
        return [Outcome("upgrade under load", skipped=f"{following} is not built: it is a target of the same build")]
    try:
        old = await previous.program(program.parent)
    except previous.Missing as why:
        return [Outcome("upgrade under load", skipped=str(why))]
    cases = (Case("the schema is the same", _same_schema, program),
             Case("a migration in between", _migration, following))
    return [await _one(case, arguments, old, say) for case in chosen(cases, arguments.only)]


async def _one(case: Case, arguments, old: Path, say) -> Outcome:
    outcome = Outcome(f"upgrade under load: {case.name}")
    if balancer.missing():
        outcome.skipped = balancer.missing() or ""
        return outcome
    world = World(WorldOptions(seed=arguments.seed, replicas=3, program=old, settings=deploy.PATIENT))
    async with course(outcome, world, arguments, say) as history:
        traffic = Traffic(world, history, "upgrade")
        load = asyncio.create_task(traffic.until_stopped(deploy.CLIENTS))
        await asyncio.sleep(CALM_S)
        await case.steps(Roll(world, outcome), old, case.new)
        await asyncio.sleep(CALM_S)
        traffic.stop()
        await load
        deploy.check_requests(outcome, history, len(traffic.connections), OLD_REFUSALS)
        rows = await world.rows()
        exemptions = [Exemption(f"unavailable/{code}", 0, math.inf, OLD_WHY) for code in OLD_REFUSALS]
        outcome.audited(*compare(history, rows, exemptions), len(rows))
        outcome.expect(not world.unexpected_ends(), "; ".join(world.unexpected_ends()))
    return outcome


class Roll:
    """The steps of an operator, each of which goes into the report."""

    def __init__(self, world: World, outcome: Outcome) -> None:
        self._world, self._outcome = world, outcome
        self._step = 0

    def note(self, text: str) -> None:
        self._step += 1
        self._outcome.figure(f"step {self._step}", text)
        self._world.note(text)

    async def all_to(self, program: Path, what: str) -> None:
        """Replica by replica, each on the socket of its predecessor."""
        for service in self._world.replicas:
            code = await service.deploy(program=program)
            self._outcome.expect(code == 0, f"{what}: the process that was replaced ended with {code}")
            await wait.until(service.ready, READY_S, f"{service.name} is ready", 0.1)
            await asyncio.sleep(0.5)
        self.note(f"{what}: {len(self._world.replicas)} replicas, one after the other")

    async def check_config(self, program: Path) -> None:
        service = self._world.replicas[0]
        code, _, err = await run_command([str(program), "--check-config"], timeout_s=20,
                                         env={"PATH": "/usr/bin:/bin", **service.settings})
        self._outcome.expect(code == 0, f"--check-config of the new release ended with {code}: {err[-300:]}")
        self.note(f"--check-config of the new release: exit code {code}")

    async def migrate(self, program: Path) -> None:
        await self._world.migrate(program)
        version = await self._world.primary.sql("SELECT max(version) FROM ordersd_migrations")
        self.note(f"`ordersd migrate` of the new release, under load: the schema has version {version}")

    async def waits_for_schema(self, program: Path) -> None:
        """Beside the replicas, on a port of its own: a new program on the old schema waits, not ready, and says so."""
        async with self._beside(program) as lone:
            await wait.until(lambda: "schema.waiting" in lone.events(), READY_S, "the new program says so")
            self._outcome.expect(not await lone.ready(), "the new program is ready on a schema that is too old")
        self.note("the new release on the old schema: schema.waiting, not ready")

    async def refuses_schema(self, program: Path) -> None:
        """A program that is older than the schema: schema.too_new, and exit code 70."""
        async with self._beside(program) as lone:
            code = await lone.exit_code(READY_S)
            said = "schema.too_new" in lone.events()
        self._outcome.expect(code == SCHEMA_TOO_NEW and said, "the previous release on the new schema ended with "
                             f"{code}, {'and said' if said else 'without'} schema.too_new")
        self.note(f"the previous release, started on the new schema: schema.too_new, exit code {code}")

    def _beside(self, program: Path) -> "Beside":
        return Beside(self._world, program)


class Beside:
    """One process beside the replicas, which clients do not know."""

    def __init__(self, world: World, program: Path) -> None:
        settings = world.replicas[0].settings
        self._service = Service(len(world.replicas), program, free_port(), world.logs, settings, keeps_socket=False)

    async def __aenter__(self) -> "Beside":
        await self._service.start()
        self._service.allow_end()
        return self

    async def __aexit__(self, *_) -> None:
        self._service.close()

    def events(self) -> set[str]:
        lines = self._service.log.read_text(errors="replace").splitlines()
        return {json.loads(line).get("event", "") for line in lines if line.startswith("{") and line.endswith("}")}

    async def ready(self) -> bool:
        return await self._service.ready()

    async def exit_code(self, timeout_s: float) -> int:
        return await self._service.end(timeout_s)


async def _same_schema(roll: Roll, old: Path, new: Path) -> None:
    """Forth and back: both releases serve at once."""
    await roll.check_config(new)
    await roll.all_to(new, "the previous release to this one")
    await roll.all_to(old, "and back")
    await roll.all_to(new, "and forth again")


async def _migration(roll: Roll, old: Path, new: Path) -> None:
    """As "Upgrades" has it. Before the migration the way back is open; after it the old release does not start."""
    await roll.check_config(new)
    await roll.waits_for_schema(new)
    await roll.migrate(new)
    await roll.migrate(new)
    await roll.refuses_schema(old)
    await roll.all_to(new, "the previous release to the next one")
    await roll.refuses_schema(old)
