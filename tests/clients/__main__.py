"""python3 -m clients NAME ORDERSD WORK: the tests of the client NAME, of list_orders.sh ("list"), or of orders.http ("http_file"). ORDERSD is the service's program, WORK a
folder for what is built. Exits 0, 1, or 77 if the tools of the client are not installed."""
import os
import sys
import unittest
from pathlib import Path

from chaos import exit_codes, sandbox
from clients import programs

ALONE = {"http_file": "clients.test_http_file", "list": "clients.test_list"}


def run(name: str) -> int:
    modules = [ALONE[name]] if name in ALONE else ["clients.test_answers", "clients.test_outage"]
    suite = unittest.defaultTestLoader.loadTestsFromNames(modules)
    return exit_codes.KEPT if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else exit_codes.BROKEN


def main(argv: list[str]) -> int:
    name, ordersd, work = argv[0], Path(argv[1]).resolve(), Path(argv[2]).resolve()
    if name in programs.CLIENTS and (missing := programs.CLIENTS[name].missing()):
        print(f"clients: SKIPPED: {missing}: the client {name} has not been tried", file=sys.stderr)
        return exit_codes.NOTHING_TESTED
    if sandbox.own() or os.environ.get("CHAOS_NAMESPACES") == "none":
        os.environ |= {"CLIENT": name, "ORDERSD": str(ordersd), "WORK": str(work)}
        sandbox.begin()
        return run(name)
    programs.prepare(name, work)
    return sandbox.run_again("clients", argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
