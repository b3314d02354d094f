"""Each kind alone: python3 -m chaos.faults.alone [--replicas 1|3] [--seed S] [KIND or GROUP,...]

One world, and one fault after the other under load: injected, healed, recovered from, and what the audit finds then.
This is how a new kind is tried, and how one finds what it has to exemption. The exit code is 1 when a kind broke a
promise, did not recover, or could not be injected at that moment."""
import argparse
import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from chaos import clock, sandbox, wait
from chaos.audit import audit, exempted_by
from chaos.faults import KINDS, Fault, chosen
from chaos.findings import Exemption
from chaos.forked import in_child
from chaos.history import History
from chaos.play import Stored
from chaos.process import child_setup
from chaos.sql import SqlError
from chaos.workload import Workload
from chaos.world import ROOT, WorldOptions, World

RECOVERY_S = 60.0
CALM_S = 2.0
STEP_S = 60.0


class Alone:
    def __init__(self, args: argparse.Namespace) -> None:
        clock.restart()
        self.history = History(time.time() - clock.now())
        self.world = World(WorldOptions(seed=args.seed, replicas=args.replicas, program=args.program, clocks=True))
        self.rate, self.exemptions = args.rate, list[Exemption]()
        self.known: set[tuple] = set()  # violations that have been shown
        self.failed: list[str] = []

    async def all(self, kinds: list[str]) -> None:
        await self.world.start()
        workload = Workload(self.history, self.world.http, self.world.seed, rate=self.rate,
                            replicas=len(self.world.replicas))
        await workload.start()
        await asyncio.sleep(CALM_S)
        for kind in kinds:
            fault = KINDS[kind](self.world.rng(kind), len(self.world.replicas))
            try:
                await self.one(fault)
            except Exception as error:
                self.fail(fault, f"{type(error).__name__}: {error}")
        await workload.stop(30)
        await self.check("the end")

    async def one(self, fault: Fault) -> None:
        if why := fault.missing(self.world):
            print(f"{fault.kind:20} SKIPPED {why}", flush=True)
            return
        began = clock.now()
        text = await asyncio.wait_for(fault.inject(self.world), STEP_S)
        injected = clock.now()
        if text:
            await asyncio.sleep(fault.seconds)
        healing = clock.now()
        nothing = await asyncio.wait_for(fault.heal(self.world), STEP_S)
        healed = clock.now()
        await self.recover(fault, healed)
        if not text:
            self.fail(fault, f"not injected: {fault.why}")
            return
        if nothing:
            self.fail(fault, f"had no effect: {nothing}")
        recovered = clock.now()
        self.exemptions += fault.exemptions(began, recovered)
        self.history.holds += [(began, recovered)] * fault.holds
        print(f"{fault.kind:20} inject {injected - began:4.1f} s, {fault.seconds:4.1f} s, "
              f"heal {healed - healing:4.1f} s, recovered {recovered - healed:4.1f} s: {text[:90]}", flush=True)
        print(f"{'':20}   {self.answers(began, recovered)}", flush=True)
        await asyncio.sleep(CALM_S)
        await self.check(fault.kind)

    async def recover(self, fault: Fault, since: float) -> None:
        names = {service.name for service in self.world.replicas}
        stored = Stored(self.history, since, next(iter(names)) if len(names) == 1 else None)

        async def recovered() -> bool:
            return names <= stored.by() and await self.world.ready()
        try:
            await wait.until(recovered, RECOVERY_S, "recovery")
        except wait.TooLate:
            self.fail(fault, f"not recovered after {RECOVERY_S:g} s")

    def answers(self, began: float, ended: float) -> str:
        """What the clients of that time were answered, so that one sees that the fault was felt."""
        counts: Counter[str] = Counter()
        for request in self.history.requests:
            if request.ended >= began and request.began <= ended:
                counts.update(f"{v.outcome} {v.code or ''}".strip() if request.end == "answered" else request.end
                              for v in request.verdicts[:1])
        return ", ".join(f"{name} {count}" for name, count in counts.most_common(9))

    async def check(self, kind: str) -> None:
        at = clock.now()
        try:
            rows = await self.world.rows()
        except SqlError as error:
            self.failed.append(f"{kind}: the table cannot be read: {error}")
            print(self.failed[-1], flush=True)
            return
        found = await in_child(lambda: audit(self.history, rows, (), at), 120)
        new = [v for v in found if (v.rule, v.cid, v.text) not in self.known]
        self.known |= {(v.rule, v.cid, v.text) for v in new}
        self.print_exempted(kind, Counter(v.rule for v in new if exempted_by(v, self.exemptions)))
        broken = [v for v in new if not exempted_by(v, self.exemptions)]
        for rule, count in Counter(v.rule for v in broken).items():
            first = next(v for v in broken if v.rule == rule)
            self.failed.append(f"{kind}: {rule}")
            print(f"{kind:20} BROKEN {rule} {count}: {first.since:.2f}-{first.at:.2f} s "
                  f"{first.account}/{first.cid} {first.text}", flush=True)
        for words in self.world.unexpected_ends():
            self.failed.append(f"{kind}: {words}")
            print(f"{kind:20} BROKEN {words}", flush=True)
        for service in self.world.replicas:
            service.unexpected.clear()
            service.slow_ends.clear()

    def print_exempted(self, kind: str, used: Counter[str]) -> None:
        """Which exempt_rules of the kind were used, so that one that never is can go."""
        exempt_rules = KINDS[kind].exempt_rules if kind in KINDS else ()
        words = [f"{rule} {count}" for rule, count in sorted(used.items())]
        unused = ", ".join(rule for rule in exempt_rules if rule not in used)
        print(f"{'':20}   exempted: {', '.join(words) or 'nothing'}; not used: {unused or 'none'}", flush=True)

    def fail(self, fault: Fault, words: str) -> None:
        self.failed.append(f"{fault.kind}: {words}")
        print(f"{fault.kind:20} FAILED {words}", flush=True)


async def run(args: argparse.Namespace) -> int:
    alone = Alone(args)
    try:
        await alone.all(chosen(args.kinds))
    finally:
        if args.logs:
            shutil.copytree(alone.world.logs, args.logs, dirs_exist_ok=True)
        await alone.world.close()
    print(f"{len(alone.history.requests)} requests; {len(alone.failed)} failed", *alone.failed, sep="\n  ")
    return 1 if alone.failed else 0


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
        command, env = sandbox.command([sys.executable, "-m", "chaos.faults.alone", *argv])
        return subprocess.run(command, env=env, preexec_fn=child_setup(None, signal.SIGKILL)).returncode
    sandbox.begin()
    return asyncio.run(run(args))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
