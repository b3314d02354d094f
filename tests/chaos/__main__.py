"""The command line. Each run is a process of its own, in namespaces of its own where the machine allows that."""
import argparse
import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from chaos import balancer, faults, lifecycle, results, sandbox, schedule
from chaos.process import become
from chaos.results import Result
from chaos.world import ROOT, Options

USAGE, INTERRUPTED = 2, 130
EPILOG = """
The exit code is 0 when every promise was kept, 1 when one was broken, 2 for a wrong command line, 3 when the harness
itself failed and 77 when no fault could be injected. A seed repeats the schedule of faults and what each client sends,
not how they interleave: --repeat 5 says in how many of five runs a failure was seen.
"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="scripts/chaos", epilog=EPILOG, description=__doc__.split("\n")[0],
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    made.description = ("Runs ordersd, PostgreSQL with a synchronous standby, and clients; injects faults by a seeded "
                        "schedule;\nand compares every answer with the table.\n\nOther commands:\n"
                        + "\n".join(f"  scripts/chaos {name:10} {words}" for name, words in lifecycle.COMMANDS.items()))
    made.add_argument("--minutes", type=float, default=2.0, help="how long the clients and the faults go on (2)")
    made.add_argument("--seed", default="1", help="one seed, or a range as 1-60 (1)")
    made.add_argument("--faults", default="", help="groups or kinds with commas between them; all without it")
    made.add_argument("--list-faults", action="store_true", help="show groups and kinds, and end")
    made.add_argument("--schedule", action="store_true", help="show what the seed will do, and end")
    made.add_argument("--replicas", type=int, choices=(1, 3), help="1, or 3 behind HAProxy; the seed decides without it")
    made.add_argument("--rate", type=float, default=400.0, help="orders a second that the clients send (400)")
    made.add_argument("--checkpoint", type=float, default=30.0, metavar="SECONDS",
                      help="how often answers and table are compared while the faults go on (30)")
    made.add_argument("--repeat", type=int, default=1, help="run each seed so often (1)")
    made.add_argument("--program", type=Path, default=ROOT / "build/dev/ordersd", help="the ordersd to be tested")
    made.add_argument("--out", type=Path, default=ROOT / "build/chaos", help="where a failing run leaves its story")
    made.add_argument("--results", type=Path, help="append the result of each run to this file, a line of JSON")
    made.add_argument("--report", type=Path, help="show the results that this file has, and end")
    made.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return made


def seeds(text: str) -> list[str]:
    first, dash, last = text.partition("-")
    if dash and first.isdigit() and last.isdigit():
        return [str(n) for n in range(int(first), int(last) + 1)]
    return [text]


def replicas(args: argparse.Namespace, seed: str) -> int:
    return args.replicas or schedule.replicas_of(seed)


# ---- a run, in its own process ----

def one(args: argparse.Namespace, kinds: list[str]) -> int:
    from chaos.run import Run, Wanted  # here: the parent needs none of it
    sandbox.begin()
    seed = args.seed
    options = Options(seed=seed, replicas=replicas(args, seed), program=args.program.resolve(),
                      keeps_socket=schedule.keeps_socket(seed),
                      clocks=any(faults.KINDS[kind].steps_clocks for kind in kinds))
    wanted = Wanted(options, args.minutes * 60, kinds, args.out / f"seed-{seed}", args.rate, args.checkpoint,
                    said(args, seed))

    async def whole() -> Result:
        return await Run(wanted).whole()

    result = asyncio.run(whole())
    if args.results:
        result.append_to(args.results)
    print(results.summary([result]), flush=True)
    return result.exit_code()


def said(args: argparse.Namespace, seed: str) -> str:
    words = ["scripts/chaos", f"--minutes {args.minutes:g}", f"--seed {seed}", f"--rate {args.rate:g}"]
    words += [f"--faults {args.faults}"] if args.faults else []
    words += [f"--replicas {args.replicas}"] if args.replicas else []
    return " ".join(words)


# ---- all of them ----

def run_one(args: argparse.Namespace, argv: list[str], seed: str, report: Path) -> int:
    """The child dies with this process, and all that it has started dies with the child."""
    inner = [*without(argv, "--seed", "--repeat", "--results"), "--seed", seed, "--results", str(report), "--one"]
    command, env = sandbox.command([sys.executable, "-m", "chaos", *inner])
    child = subprocess.Popen(command, env=env, preexec_fn=become(None, signal.SIGKILL))
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child has it too, and ends by itself
            continue


def without(argv: list[str], *options: str) -> list[str]:
    kept: list[str] = []
    skip = False
    for word in argv:
        name, equals, _ = word.partition("=")
        if not skip and name not in options:
            kept.append(word)
        skip = not skip and name in options and not equals
    return kept


def several(args: argparse.Namespace, argv: list[str]) -> int:
    codes: Counter[int] = Counter()
    seen: dict[str, list[int]] = {}
    report = args.results or args.out / f"results-{os.getpid()}.jsonl"
    for seed in seeds(args.seed):
        for _ in range(args.repeat):
            print(f"{said(args, seed)}: {replicas(args, seed)} replicas", flush=True)
            code = run_one(args, argv, seed, report)
            codes[code] += 1
            seen.setdefault(seed, []).append(code)
            if code in (USAGE, INTERRUPTED, -signal.SIGINT):
                return code
    tell(args, seen, report)
    return max((code for code in codes if code != 77), default=77) if codes.keys() - {0} else 0


def tell(args: argparse.Namespace, seen: dict[str, list[int]], report: Path) -> None:
    if sum(map(len, seen.values())) > 1:
        print(results.summary(results.load(report)[-sum(map(len, seen.values())):]))
    for seed, ends in seen.items():
        if args.repeat > 1 or 1 in ends:
            print(f"seed {seed}: a broken promise was seen in {ends.count(1)} of {len(ends)} runs")
    if not args.results:
        report.unlink(missing_ok=True)


def warn() -> None:
    if why := sandbox.why_not():
        print(f"no namespaces of its own ({why}): no disk can be filled, and ports are shared", flush=True)
    if why := balancer.missing():
        print(f"SKIPPED three replicas: {why}", flush=True)


def main(argv: list[str]) -> int:
    if argv and argv[0] in lifecycle.COMMANDS:
        return lifecycle_in_namespaces(argv)
    args = parser().parse_args(argv)
    try:
        kinds = faults.chosen(args.faults)
    except ValueError as error:
        print(f"scripts/chaos: {error}", file=sys.stderr)
        return USAGE
    if args.list_faults:
        for kind in kinds:
            print(f"{faults.KINDS[kind].group:10} {kind:24} {faults.KINDS[kind].__doc__}")
        return 0
    if args.report:
        print(f"{results.summary(results.load(args.report))}\n\n{results.markdown(results.load(args.report))}")
        return 0
    if args.schedule:
        for seed in seeds(args.seed):
            print(schedule.describe(schedule.draw(seed, args.minutes * 60, kinds, replicas(args, seed))))
        return 0
    if not args.program.is_file():
        print(f"scripts/chaos: {args.program} is not there: cmake --preset dev && cmake --build --preset dev --target "
              "ordersd", file=sys.stderr)
        return USAGE
    if args.one:
        return one(args, kinds)
    warn()
    return several(args, argv)


def lifecycle_in_namespaces(argv: list[str]) -> int:
    if sandbox.own() or os.environ.get("CHAOS_NAMESPACES") == "none":
        sandbox.begin()
        return lifecycle.main(argv)
    command, env = sandbox.command([sys.executable, "-m", "chaos", *argv])
    return subprocess.run(command, env=env, preexec_fn=become(None, signal.SIGKILL)).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
