"""Each kind alone: python3 -m chaos.faults.alone [--replicas 1|3] [--seed S] [KIND or GROUP,...]

One world, and one fault after the other under load: injected, healed, recovered from, and what the audit finds then.
This is how a new kind is tried, and how one finds which rules it has to exempt. The exit code is 1 when a kind broke a
promise, did not recover, or could not be injected at that moment."""
import argparse
import asyncio
import shutil
import sys
from collections import Counter
from pathlib import Path

from chaos import clock, exit_codes, sandbox
from chaos.audit import audit, exempted_by
from chaos.faults import KINDS, chosen
from chaos.findings import Exemption
from chaos.forked import in_child
from chaos.history import History
from chaos.play import Play
from chaos.results import INJECTED, MISSING
from chaos.schedule import Planned
from chaos.sql import SqlError
from chaos.workload import Workload
from chaos.world import ROOT, World, WorldOptions

CALM_S = 2.0
RESOLVE_S = 30.0
AUDIT_S = 120.0


class Alone:
    def __init__(self, args: argparse.Namespace) -> None:
        clock.restart()
        self.history = History.starting()
        self.world = World(WorldOptions(seed=args.seed, replicas=args.replicas, program=args.program, clocks=True))
        self.world.on_note = lambda at, text: print(f"{at:6.1f} s  {text}", flush=True)
        self.rate, self.exemptions = args.rate, list[Exemption]()
        self.known: set[tuple] = set()  # violations that have been shown
        self.failed: list[str] = []

    async def all(self, kinds: list[str]) -> None:
        await self.world.start()
        workload = Workload(self.history, self.world.http, self.world.seed, rate=self.rate,
                            replicas=len(self.world.replicas))
        await workload.start()
        for kind in kinds:
            await asyncio.sleep(CALM_S)
            await self.one(kind)
        await workload.stop(RESOLVE_S)
        await self.check_answers("the end")

    async def one(self, kind: str) -> None:
        """A schedule of one fault."""
        fault = KINDS[kind](self.world.rng(kind), len(self.world.replicas))
        play = Play(self.world, self.history, [Planned(0.0, fault)])
        await play.all()
        record = play.records[0]
        if record.state == MISSING:
            return
        for text in [*play.trouble, *play.stuck]:
            self.fail(kind, text)
        if record.state != INJECTED:
            self.fail(kind, f"{record.state} {fault.why}")
        self.exemptions += play.exemptions
        self.history.holds += play.holds()
        self.print_answers(record.began or 0.0)
        await asyncio.sleep(CALM_S)
        await self.check_answers(kind)

    def print_answers(self, began: float) -> None:
        """What the clients were answered since then, so that one sees that the fault was felt."""
        counts: Counter[str] = Counter()
        for request in self.history.requests:
            if request.ended >= began:
                counts.update(f"{v.outcome} {v.code or ''}".strip() if request.end == "answered" else request.end
                              for v in request.verdicts[:1])
        print(f"{'':10}answers: {', '.join(f'{name} {count}' for name, count in counts.most_common(9))}", flush=True)

    async def check_answers(self, kind: str) -> None:
        at = clock.now()
        try:
            rows = await self.world.rows()
        except SqlError as error:
            self.fail(kind, f"the table cannot be read: {error}")
            return
        found = await in_child(lambda: audit(self.history, rows, (), at), AUDIT_S)
        new = [v for v in found if (v.rule, v.cid, v.text) not in self.known]
        self.known |= {(v.rule, v.cid, v.text) for v in new}
        self.print_exempted(kind, Counter(v.rule for v in new if exempted_by(v, self.exemptions)))
        broken = [v for v in new if not exempted_by(v, self.exemptions)]
        for v in {v.rule: v for v in reversed(broken)}.values():  # the first of each rule
            self.fail(kind, f"BROKEN {v.rule}: {v.since:.2f}-{v.at:.2f} s {v.account}/{v.cid} {v.text}")
        for text in self.world.unexpected_ends():
            self.fail(kind, text)
        for service in self.world.replicas:
            service.unexpected.clear()
            service.slow_ends.clear()

    def print_exempted(self, kind: str, used: Counter[str]) -> None:
        """Which exemptions of the kind were used, so that one that never is can go."""
        rules = KINDS[kind].exempt_rules if kind in KINDS else ()
        counts = ", ".join(f"{rule} {count}" for rule, count in sorted(used.items()))
        unused = ", ".join(rule for rule in rules if rule not in used)
        print(f"{'':10}exempted: {counts or 'nothing'}; not used: {unused or 'none'}", flush=True)

    def fail(self, kind: str, why: str) -> None:
        self.failed.append(f"{kind}: {why}")
        print(f"{'':10}FAILED {kind}: {why}", flush=True)


async def run(args: argparse.Namespace) -> int:
    alone = Alone(args)
    try:
        await alone.all(chosen(args.kinds))
    finally:
        if args.logs:
            shutil.copytree(alone.world.logs, args.logs, dirs_exist_ok=True)
        await alone.world.close()
    print(f"{len(alone.history.requests)} requests; {len(alone.failed)} failed", *alone.failed, sep="\n  ")
    return exit_codes.BROKEN if alone.failed else exit_codes.KEPT


def main(argv: list[str]) -> int:
    made = argparse.ArgumentParser(prog="chaos.faults.alone", description=__doc__.split("\n")[0])
    made.add_argument("kinds", nargs="?", default="")
    made.add_argument("--replicas", type=int, choices=(1, 3), default=1)
    made.add_argument("--seed", default="1")
    made.add_argument("--rate", type=float, default=200.0)
    made.add_argument("--logs", type=Path, help="copy the logs to this folder at the end")
    made.add_argument("--program", type=Path, default=ROOT / "build/dev/ordersd")
    args = made.parse_args(argv)
    if not sandbox.own() and sandbox.why_not() is None:
        return sandbox.run_again("chaos.faults.alone", argv)
    sandbox.begin()
    return asyncio.run(run(args))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
