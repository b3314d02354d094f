"""An upgrade under load, replica by replica behind HAProxy, by the steps of docs/OPERATIONS.md. Between releases of one
schema the way back is open, and is gone too.

The previous release (previous.py) goes to this one, and this one to the same with a migration more (ordersd_next). With
--stand-in, or where the history to build the previous release from is not there, ordersd_before takes its place: this
release without its last migration, and with the SQL of before.

Nothing may be lost or doubled, no request of clients that obey `Connection: close` may be dropped, what is refused must be
said, and the program that is too old for its schema must say so and end with 70."""
import asyncio
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

from chaos import balancer
from chaos.audit import compare
from chaos.findings import Exemption
from chaos.lifecycle import deploy, operations, previous
from chaos.lifecycle.outcome import Outcome, chosen, course
from chaos.lifecycle.roll import Roll
from chaos.lifecycle.traffic import ClientProfile, Traffic
from chaos.world import ROOT, WorldOptions, World

# While the migration has waited for the table for more than a second, a lookup that waits behind it is refused. The commit
# in previous.txt refuses what comes on open connections at its end, or before it is ready.
OF_LOOKUPS = {"database_down": "a lookup does not wait long behind a migration that waits for the table"}
OF_PREVIOUS = {code: "the previous release refuses what comes on open connections at its end, or before it is ready, and "
                     "says so" for code in ("shutting_down", "starting")}
CLIENTS = [*deploy.CLIENTS, (ClientProfile("again", pause=0.05), 8)]
KEY_NAME, KEY = "upgrade", "key-of-the-upgrade-0123456789"
NAMES_FROM = 2  # the migration that added submitted_by


@dataclass(frozen=True)
class Case:
    name: str
    old: Path
    new: Path


async def run(arguments, say) -> list[Outcome]:
    program, builds = arguments.program, arguments.program.parent
    before, following = builds / "ordersd_before", builds / "ordersd_next"
    for path in (before, following):
        if not path.is_file():
            return [Outcome("upgrade under load", skipped=f"{path} is not built: it is a target of the same build")]
    cases = (Case("to this release", before if arguments.stand_in else await _previous(builds, before, say), program),
             Case("to the next release", program, following))
    return [await _one(case, arguments, say) for case in chosen(cases, arguments.only)]


async def _previous(builds: Path, before: Path, say) -> Path:
    try:
        return await previous.program(builds)
    except previous.Missing as why:
        say(f"{before.name} takes the place of the previous release: {why}")
        return before


async def _one(case: Case, arguments, say) -> Outcome:
    outcome = Outcome(f"upgrade under load: {case.name}")
    if balancer.missing():
        outcome.skipped = balancer.missing() or ""
        return outcome
    world = World(WorldOptions(seed=arguments.seed, replicas=3, program=case.old))
    world.options.settings = {**deploy.PATIENT, "AUTH": "keys", "API_KEYS_FILE": str(_keys_file(world.folder))}
    async with course(outcome, world, arguments, say) as history:
        traffic = Traffic(world, history, "upgrade", headers={"Authorization": f"Bearer {KEY}"})
        load = asyncio.create_task(traffic.until_stopped(CLIENTS))
        roll = Roll(world, outcome)
        outcome.figure("from", case.old.name if _is_of_this_build(case) else f"commit {previous.commit()}")
        await roll.orders_go_on("true", "the old replicas store orders")
        await _steps(roll, case.old, case.new)
        await roll.orders_go_on("true", "the new replicas store orders")
        traffic.stop()
        await load
        refusals = OF_LOOKUPS if _is_of_this_build(case) else {**OF_LOOKUPS, **OF_PREVIOUS}
        deploy.check_requests(outcome, history, len(traffic.connections), refusals)
        rows = await world.rows()
        exemptions = [Exemption(f"unavailable/{code}", 0, math.inf, why) for code, why in refusals.items()]
        outcome.audited(*compare(history, rows, exemptions), len(rows))
        outcome.expect(not world.unexpected_ends(), "; ".join(world.unexpected_ends()))
    return outcome


def _is_of_this_build(case: Case) -> bool:
    return case.old.parent == case.new.parent


def _keys_file(folder: Path) -> Path:
    path = folder / "keys"
    path.write_text(f"{KEY_NAME} sha256:{hashlib.sha256(KEY.encode()).hexdigest()}\n")
    path.chmod(0o600)
    return path


async def _steps(roll: Roll, old: Path, new: Path) -> None:
    """Whether the two have one schema is seen and not known: a release may come without a migration."""
    schema = await roll.schema()
    if schema == _schema_of(new):
        await _same_schema(roll, old, new)
    else:
        await _migration(roll, old, new, Names(roll, schema))


def _schema_of(program: Path) -> int:
    files = len(list((ROOT / "src/store/migrations").glob("*.sql")))
    return files + 1 if program.name == "ordersd_next" else files


async def _same_schema(roll: Roll, old: Path, new: Path) -> None:
    """Forth and back: both releases serve at once."""
    await roll.check_config(new)
    await roll.all_to(new, "the previous release to this one")
    await roll.all_to(old, "and back")
    await roll.all_to(new, "and forth again")


async def _migration(roll: Roll, old: Path, new: Path, names: "Names") -> None:
    """The steps of the page, in its order. After the migration the old release does not start any more."""
    async def migrate() -> None:
        await roll.waits_for_schema(new)
        await roll.migrate_beside_report(new)
        await roll.migrate_again(new)
        await roll.refuses_schema(old)
        await names.migrated()

    async def replace() -> None:
        await roll.all_to(new, "the old release to the new one", names.side_by_side)
        await roll.refuses_schema(old)
        await names.replaced()

    steps: dict[str, operations.Step] = {
        "`ordersd --check-config`": lambda: roll.check_config(new), "`ordersd migrate`": migrate,
        "The `grants`": roll.grant, "Roll the replicas": replace}
    for step in operations.in_order(steps):
        await step()


class Names:
    """Which orders have the name of the key that posted them: those of programs that know the column."""

    def __init__(self, roll: Roll, schema: int) -> None:
        self._roll, self._old_knows = roll, schema >= NAMES_FROM
        self._named, self._nameless = f"submitted_by = '{KEY_NAME}'", "submitted_by IS NULL"

    async def migrated(self) -> None:
        """Replicas of the old release run on, on the new schema."""
        await self._roll.orders_go_on(self._named if self._old_knows else self._nameless,
                                      "the old replicas store orders on the new schema")

    async def side_by_side(self) -> None:
        await self._roll.orders_go_on(self._named, "the new replica stores the name of the key")
        if not self._old_knows:
            await self._roll.orders_go_on(self._nameless, "the old replicas store orders beside the new one")

    async def replaced(self) -> None:
        """From now on every order has the name."""
        now = await self._roll.now()
        newer = f"received_at > '{now}'"
        await self._roll.orders_go_on(newer, "orders are stored after the upgrade")
        others = await self._roll.count(f"submitted_by <> '{KEY_NAME}' OR ({newer} AND submitted_by IS NULL)")
        named, nameless = await self._roll.count(self._named), await self._roll.count(self._nameless)
        self._roll.expect(others == 0, f"{others} orders have no name of a key, or another one")
        self._roll.expect(not self._old_knows or nameless == 0, f"{nameless} orders have lost the name of their key")
        self._roll.note(f"submitted_by: {named} orders with the name of the key, {nameless} without")
