"""The command line of load/failover. It runs itself again in namespaces of its own, where the machine allows that."""
import argparse
import asyncio
import os
import sys
from pathlib import Path

from chaos import sandbox
from promotions import report
from promotions.course import Result, promote_once
from promotions.stage import Stage
from promotions.ways import LOSSES, NAMES, STANDBYS, WAYS, Way


def parser() -> argparse.ArgumentParser:
    text = ["Replaces the primary under load, and measures how long no order is stored.", "", "how the primary is lost:"]
    text += [f"  {name:13} {what}" for table in (LOSSES, STANDBYS, NAMES) for name, what in table.items()]
    made = argparse.ArgumentParser(prog="load/failover", description="\n".join(text),
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=10, help="promotions of each way (10)")
    made.add_argument("--only", default="", metavar="TEXT", help="only the ways whose description has this text")
    made.add_argument("--rate", type=float, default=200.0, help="orders a second, at a constant rate (200)")
    made.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of ordersd; its defaults else")
    return made


async def measure(way: Way, arguments: argparse.Namespace) -> list[Result]:
    settings = dict(pair.split("=", 1) for pair in arguments.set)
    stage = Stage(way, Path(os.environ["ORDERSD"]).resolve(), settings)
    results: list[Result] = []
    try:
        await stage.start()
        for n in range(arguments.rounds):
            results.append(await promote_once(stage, n, arguments.rate))
            say(f"{way}: promotion {n + 1}: first 201 after {results[-1].stored_s:.2f} s, failed {dict(results[-1].failed)}")
    finally:
        stage.close()
        await asyncio.sleep(0.5)
    return results


def say(text: str) -> None:
    print(f"failover: {text}", file=sys.stderr, flush=True)


def one_way(arguments: argparse.Namespace) -> int:
    """In a process of its own: what it has mounted is gone with it."""
    sandbox.begin()
    way = WAYS[int(os.environ["PROMOTIONS_WAY"])]
    results = asyncio.run(measure(way, arguments))
    print(report.row(way, results), flush=True)
    for text in (found := report.broken(way, results)):
        say(f"BROKEN: {text}")
    return 1 if found else 0


def main(argv: list[str]) -> int:
    arguments = parser().parse_args(argv)
    if "PROMOTIONS_WAY" in os.environ:
        return one_way(arguments)
    print(report.HEAD, flush=True)
    status = 0
    for n, way in enumerate(WAYS):
        if arguments.only not in str(way):
            continue
        if way.names == "name" and sandbox.why_not():
            say(f"SKIPPED: {way}: {sandbox.why_not()}")
            continue
        os.environ["PROMOTIONS_WAY"] = str(n)
        status = max(status, sandbox.run_again("promotions", argv))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
