"""What an operator does to upgrade, and what he sees: each step goes into the report."""
import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from chaos import wait
from chaos.lifecycle.outcome import Outcome
from chaos.process import run as run_command
from chaos.sandbox import free_port
from chaos.service import Service
from chaos.sql import SqlError
from chaos.world import World

SCHEMA_TOO_NEW = 70  # docs/OPERATIONS.md, "Signals and exit codes"
READY_S = 20.0
STORED = 'ordersd_orders_total{result="created"}'
WAITS_FOR_TABLE = ("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' "
                   "AND relation = (SELECT oid FROM pg_class WHERE relname = 'orders' AND relkind = 'r')")


class Roll:
    def __init__(self, world: World, outcome: Outcome) -> None:
        self._world, self._outcome = world, outcome
        self._step = 0

    def note(self, text: str) -> None:
        self._step += 1
        self._outcome.figure(f"step {self._step}", text)
        self._world.note(text)

    def expect(self, condition: bool, otherwise: str) -> None:
        self._outcome.expect(condition, otherwise)

    async def schema(self) -> int:
        return int(await self._world.primary.sql("SELECT max(version) FROM ordersd_migrations"))

    async def count(self, condition: str = "true") -> int:
        return int(await self._world.primary.sql(f"SELECT count(*) FROM orders WHERE {condition}"))

    async def now(self) -> str:
        return await self._world.primary.sql("SELECT clock_timestamp()")

    async def orders_go_on(self, condition: str, what: str) -> None:
        """Returns when one order more has been stored than now, of those for which the condition holds."""
        before = await self.count(condition)

        async def more() -> bool:
            with contextlib.suppress(SqlError):  # this question may wait for the table, too
                return await self.count(condition) > before
            return False
        await wait.until(more, READY_S, what, 0.1)

    # ---- the steps ----

    async def check_config(self, program: Path) -> None:
        service = self._world.replicas[0]
        code, _, err = await run_command([str(program), "--check-config"], timeout_s=20,
                                         env={"PATH": "/usr/bin:/bin", **service.settings})
        self._outcome.expect(code == 0, f"--check-config of the new release ended with {code}: {err[-300:]}")
        self.note(f"--check-config of the new release: exit code {code}")

    async def migrate_beside_report(self, program: Path) -> None:
        """A transaction reads the table: the migration waits for its end, and orders do not."""
        report = await self._world.primary.session()
        await report.run("BEGIN; SELECT count(*) FROM orders")
        migration = asyncio.create_task(self._world.migrate(program))

        async def waits() -> bool:
            return await self._world.primary.sql(WAITS_FOR_TABLE) != "0"
        try:
            await wait.until(waits, READY_S, "the migration waits for the table")
            await self.orders_go_on("true", "orders are stored while the migration waits")
            self._outcome.expect(not migration.done(), "the migration did not wait for the report")
        finally:
            await report.run("COMMIT")
            await report.close()
        said = await migration
        self._outcome.expect("schema.waiting" in said, f"the migration waited without a word: {said[-300:]}")
        self.note(f"`ordersd migrate` of the new release, under load and beside a report: version {await self.schema()}")

    async def migrate_again(self, program: Path) -> None:
        await asyncio.gather(self._world.migrate(program), self._world.migrate(program))
        self.note(f"again, twice at once: version {await self.schema()}")

    async def grant(self) -> None:
        await self._world.grant()
        self.note("the grants")

    async def all_to(self, program: Path, what: str, beside: Callable[[], Awaitable[None]] | None = None) -> None:
        """Replica by replica, each on the socket of its predecessor. Each stores orders before the next one is
        replaced; `beside` is called when the first one does."""
        for service in self._world.replicas:
            code = await service.deploy(program=program)
            self._outcome.expect(code == 0, f"{what}: the process that was replaced ended with {code}")
            await wait.until(service.ready, READY_S, f"{service.name} is ready", 0.1)
            await wait.until(lambda: _stores(service), READY_S, f"{service.name} stores orders", 0.1)
            if beside and service is self._world.replicas[0]:
                await beside()
        self.note(f"{what}: {len(self._world.replicas)} replicas, one after the other")

    # ---- what must be refused ----

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


async def _stores(service: Service) -> bool:
    return (await service.metrics()).get(STORED, 0) > 0


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
