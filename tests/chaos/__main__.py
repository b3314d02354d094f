"""The command line. Each run is a process of its own, in namespaces of its own where the machine allows that."""
import argparse
import asyncio
import faulthandler
import os
import signal
import sys
import traceback
from pathlib import Path

from chaos import exit_codes, faults, lifecycle, results, sandbox, schedule
from chaos.results import Result
from chaos.runs import command_line, replicas, seeds, several
from chaos.world import ROOT, WorldOptions

HANGS_S = 1200  # beyond its minutes a run may wait for a recovery, resolve what is in doubt, and audit
COMMANDS = {"planted": "ordersd with planted bugs: does a run find each of them?", **lifecycle.COMMANDS}
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
                        + "\n".join(f"  scripts/chaos {name:10} {text}" for name, text in COMMANDS.items()))
    made.add_argument("--minutes", type=float, default=2.0, help="how long the clients and the faults go on (2)")
    made.add_argument("--seed", default="1", help="one seed, or a range as 1-60 (1)")
    made.add_argument("--faults", default="", help="groups or kinds with commas between them; all without it")
    made.add_argument("--list-faults", action="store_true", help="show groups and kinds, and end")
    made.add_argument("--schedule", action="store_true", help="show what the seed will do, and end")
    made.add_argument("--replicas", type=int, choices=(1, 3), help="1, or 3 behind HAProxy (the seed decides)")
    made.add_argument("--partitions", type=int, default=0, metavar="N", help="hash partitions of the table (none)")
    made.add_argument("--rate", type=float, default=400.0, help="orders a second that the clients send (400)")
    made.add_argument("--checkpoint", type=float, default=30.0, metavar="SECONDS",
                      help="how often answers and table are compared while the faults go on (30)")
    made.add_argument("--repeat", type=int, default=1, help="run each seed so often (1)")
    made.add_argument("--program", type=Path, default=ROOT / "build/dev/ordersd", help="the ordersd to be tested")
    made.add_argument("--out", type=Path, default=ROOT / "build/chaos", 
                      help="where a failing run leaves its timeline, history and logs")
    made.add_argument("--results", type=Path, help="append the result of each run to this file, a line of JSON")
    made.add_argument("--report", type=Path, help="show the results that this file has, and end")
    made.add_argument("--nth", type=int, help=argparse.SUPPRESS)  # this process is one run, the nth of its seed
    return made


# ---- a run, in its own process ----

def one(args: argparse.Namespace, kinds: list[str]) -> int:
    faulthandler.register(signal.SIGALRM, chain=True)  # if the run hangs, SIGALRM shows where, and ends it
    signal.alarm(int(args.minutes * 60) + HANGS_S)
    try:
        result = run_once(args, kinds)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except Exception:  # the exit code 1 would be a finding about ordersd
        traceback.print_exc()
        return exit_codes.HARNESS_FAILED
    if args.results:
        result.append_to(args.results)
    print(results.summary([result]), flush=True)
    return result.exit_code()


def run_once(args: argparse.Namespace, kinds: list[str]) -> Result:
    from chaos.run import Run, RunOptions  # not at the top: the parent process does not need it
    sandbox.begin()
    seed = args.seed
    options = WorldOptions(seed=seed, replicas=replicas(args, seed), program=args.program.resolve(),
                      partitions=args.partitions,
                      keeps_socket=schedule.keeps_socket(seed),
                      clocks=any(faults.KINDS[kind].steps_clocks for kind in kinds))
    out = args.out / (f"seed-{seed}" if args.nth == 1 else f"seed-{seed}.{args.nth}")
    run_options = RunOptions(options, args.minutes * 60, kinds, out, args.rate, args.checkpoint,
                             command_line(args, seed))

    async def whole() -> Result:  # a run needs the event loop from its first line on
        return await Run(run_options).whole()

    return asyncio.run(whole())


def warn() -> None:
    if why := sandbox.why_not():
        print(f"no namespaces of its own ({why}): no disk can be filled, and ports are shared", flush=True)


def show(args: argparse.Namespace, kinds: list[str]) -> bool:
    """Prints what --list-faults, --report or --schedule asks for; False when none of them is given."""
    if args.list_faults:
        for kind in kinds:
            print(f"{faults.KINDS[kind].group:10} {kind:24} {faults.KINDS[kind].__doc__}")
    elif args.report:
        print(f"{results.summary(results.load(args.report))}\n\n{results.markdown(results.load(args.report))}")
    elif args.schedule:
        for seed in seeds(args.seed):
            print(schedule.describe(schedule.draw(seed, args.minutes * 60, kinds, replicas(args, seed))))
    else:
        return False
    return True


def usage_error(why: str) -> int:
    print(f"scripts/chaos: {why}", file=sys.stderr)
    return exit_codes.USAGE


def main(argv: list[str]) -> int:
    if argv and argv[0] == "planted":
        from chaos.planted import command
        return command.main(argv[1:])
    if argv and argv[0] in lifecycle.COMMANDS:
        return lifecycle_in_namespaces(argv)
    args = parser().parse_args(argv)
    try:
        kinds = faults.chosen(args.faults)
    except ValueError as error:
        return usage_error(str(error))
    if show(args, kinds):
        return 0
    if not args.program.is_file():
        return usage_error(f"no program {args.program}: cmake --preset dev && "
                           "cmake --build --preset dev --target ordersd")
    if args.nth:
        return one(args, kinds)
    warn()
    return several(args, argv)


def lifecycle_in_namespaces(argv: list[str]) -> int:
    if sandbox.own() or os.environ.get("CHAOS_NAMESPACES") == "none":
        sandbox.begin()
        return lifecycle.main(argv)
    return sandbox.run_again("chaos", argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
