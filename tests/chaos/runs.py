"""Several runs one after the other. Each run is a process of its own, in namespaces of its own if those are allowed."""
import argparse
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from chaos import balancer, results, sandbox, schedule
from chaos.process import child_setup
from chaos.results import Result

USAGE, INTERRUPTED, TROUBLE, NOTHING = 2, 130, 3, 77


def seeds(text: str) -> list[str]:
    first, dash, last = text.partition("-")
    if dash and first.isdigit() and last.isdigit():
        return [str(n) for n in range(int(first), int(last) + 1)]
    return [text]


def replicas(args: argparse.Namespace, seed: str) -> int:
    return args.replicas or schedule.replicas_of(seed)


def command_line(args: argparse.Namespace, seed: str) -> str:
    """How to say this run again."""
    words = ["scripts/chaos", f"--minutes {args.minutes:g}", f"--seed {seed}", f"--rate {args.rate:g}",
             f"--replicas {replicas(args, seed)}"]
    return " ".join(words + ([f"--faults {args.faults}"] if args.faults else []))


def without(argv: list[str], *options: str) -> list[str]:
    """The words of a command line but these options, each of which has a value."""
    kept: list[str] = []
    skip = False
    for word in argv:
        name, equals, _ = word.partition("=")
        if not skip and name not in options:
            kept.append(word)
        skip = not skip and name in options and not equals
    return kept


def run_one(args: argparse.Namespace, argv: list[str], seed: str, nth: int, report: Path) -> int:
    """The child dies with this process, and all that it has started dies with the child."""
    print(command_line(args, seed), flush=True)
    if replicas(args, seed) > 1 and (why := balancer.missing()):
        print(f"SKIPPED three replicas: {why}", flush=True)
        return NOTHING
    inner = [*without(argv, "--seed", "--repeat", "--results"),
             "--seed", seed, "--results", str(report), "--nth", str(nth)]
    command, env = sandbox.command([sys.executable, "-m", "chaos", *inner])
    child = subprocess.Popen(command, env=env, preexec_fn=child_setup(None, signal.SIGKILL))
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child has it too, and ends by itself
            continue


def several(args: argparse.Namespace, argv: list[str]) -> int:
    codes: list[int] = []
    report = args.results or args.out / f"results-{os.getpid()}.jsonl"
    had = len(results.load(report)) if report.exists() else 0
    for seed in seeds(args.seed):
        for nth in range(1, args.repeat + 1):
            codes.append(run_one(args, argv, seed, nth, report))
            if codes[-1] in (USAGE, INTERRUPTED):
                return codes[-1]
    print_summary(results.load(report)[had:] if report.exists() else [], len(codes))
    if not args.results:
        report.unlink(missing_ok=True)
    return worst(codes)


def worst(codes: list[int]) -> int:
    if 1 in codes:
        return 1
    if any(code not in (0, NOTHING) for code in codes):
        return TROUBLE
    return 0 if 0 in codes else NOTHING


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
