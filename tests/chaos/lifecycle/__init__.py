"""Overload, the end of a process under load, deploys, upgrades and the soak: tests that need a course of their own and
not a schedule of faults."""
import argparse
import asyncio
import importlib
import pathlib
import sys
import traceback

from chaos.world import ROOT

COMMANDS = {
    "overload": "twice of what the service takes: memory, health checks, and what is refused",
    "drain": "SIGTERM under full load: every answer is true, and the end comes in time",
    "deploy": "a new process on the same socket, under load, alone and behind HAProxy: no request is dropped",
    "replicas": "three replicas behind HAProxy, under load: one is killed, then each is restarted",
    "upgrade": "the previous release to this one, and this one to the next, by the steps of OPERATIONS, under load",
    "soak": "60 % of the most, a fault a minute, for hours: what has grown since the start?",
}
SECONDS = {"overload": 40.0, "deploy": 30.0}


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="scripts/chaos")
    commands = made.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--seed", type=int, default=1)
        command.add_argument("--program", type=pathlib.Path, default=ROOT / "build/dev/ordersd",
                             help="the ordersd to be tested")
        command.add_argument("--report", type=pathlib.Path, help="also write the report to this file")
        command.add_argument("--only", default="", metavar="TEXT", help="only the cases whose name contains this text")
        if name == "upgrade":
            command.add_argument("--stand-in", action="store_true",
                                 help="not the previous release, but a program of this build that knows one migration less")
        if name == "soak":
            command.add_argument("--hours", type=float, default=1.0)
            command.add_argument("--faults", default="",
                                 help="groups or kinds with commas between them; all without it")
        if name in SECONDS:
            command.add_argument("--seconds", type=float, default=SECONDS[name],
                                 help=f"of each case ({SECONDS[name]:g})")
    return made


def main(argv: list[str]) -> int:
    from chaos import exit_codes, wait  # not at the top: who needs only COMMANDS needs none of them
    from chaos.lifecycle import outcome
    from chaos.sql import SqlError
    arguments = _parser().parse_args(argv)
    module = importlib.import_module(f"chaos.lifecycle.{arguments.command}")
    try:
        outcomes = asyncio.run(module.run(arguments, _say))
    except (RuntimeError, OSError, wait.TooLate, SqlError):
        _say(f"HARNESS FAILED, or ordersd was not ready in time\n{traceback.format_exc()}")
        return exit_codes.HARNESS_FAILED
    text = outcome.report(outcomes)
    if arguments.report:
        arguments.report.write_text(text)
    print(text)
    return outcome.exit_code(outcomes)


def _say(text: str) -> None:
    print(f"chaos: {text}", file=sys.stderr, flush=True)
