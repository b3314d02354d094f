"""Several runs one after the other. Each run is a process of its own, in namespaces of its own if those are allowed."""
import argparse
import os
from collections import Counter
from pathlib import Path

from chaos import balancer, exit_codes, results, sandbox, schedule
from chaos.results import Result


def seeds(text: str) -> list[str]:
    first, dash, last = text.partition("-")
    if dash and first.isdigit() and last.isdigit():
        return [str(n) for n in range(int(first), int(last) + 1)]
    return [text]


def replicas(args: argparse.Namespace, seed: str) -> int:
    return args.replicas or schedule.replicas_of(seed)


def command_line(args: argparse.Namespace, seed: str) -> str:
    """The command that repeats this run."""
    faults = f" --faults {args.faults}" if args.faults else ""
    partitions = f" --partitions {args.partitions}" if args.partitions else ""
    return (f"scripts/chaos --minutes {args.minutes:g} --seed {seed} --rate {args.rate:g} "
            f"--replicas {replicas(args, seed)}{partitions}{faults}")


def without(argv: list[str], *options: str) -> list[str]:
    """A command line without these options, each of which has a value."""
    kept: list[str] = []
    skip = False
    for argument in argv:
        name, equals, _ = argument.partition("=")
        if not skip and name not in options:
            kept.append(argument)
        skip = not skip and name in options and not equals
    return kept


def run_one(args: argparse.Namespace, argv: list[str], seed: str, nth: int, report: Path) -> int:
    print(command_line(args, seed), flush=True)
    if replicas(args, seed) > 1 and (why := balancer.missing()):
        print(f"SKIPPED three replicas: {why}", flush=True)
        return exit_codes.NOTHING_TESTED
    inner = [*without(argv, "--seed", "--repeat", "--results"),
             "--seed", seed, "--results", str(report), "--nth", str(nth)]
    return sandbox.run_again("chaos", inner)


def several(args: argparse.Namespace, argv: list[str]) -> int:
    codes: list[int] = []
    report = args.results or args.out / f"results-{os.getpid()}.jsonl"
    had = len(results.load(report)) if report.exists() else 0
    for seed in seeds(args.seed):
        for nth in range(1, args.repeat + 1):
            codes.append(run_one(args, argv, seed, nth, report))
            if codes[-1] in (exit_codes.USAGE, exit_codes.INTERRUPTED):
                return codes[-1]
    print_summary(results.load(report)[had:] if report.exists() else [], len(codes))
    if not args.results:
        report.unlink(missing_ok=True)
    return worst(codes)


def worst(codes: list[int]) -> int:
    if exit_codes.BROKEN in codes:
        return exit_codes.BROKEN
    if any(code not in (exit_codes.KEPT, exit_codes.NOTHING_TESTED) for code in codes):
        return exit_codes.HARNESS_FAILED
    return exit_codes.KEPT if exit_codes.KEPT in codes else exit_codes.NOTHING_TESTED


def print_summary(done: list[Result], runs: int) -> None:
    if runs > 1:
        print(results.summary(done))
    if runs > len(done):
        print(f"{runs - len(done)} of {runs} runs came to no result")
    for seed in dict.fromkeys(result.seed for result in done):
        same = [result for result in done if result.seed == seed]
        rules = Counter(rule for result in same for rule in {violation["rule"] for violation in result.violations})
        for rule, count in rules.most_common():
            print(f"seed {seed}: {rule} was seen in {count} of {len(same)}")
        if len(same) > 1 and not rules:
            print(f"seed {seed}: a broken promise was seen in 0 of {len(same)}")
