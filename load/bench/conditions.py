"""What the machine is, and what else went on on it: a figure without that says little."""
import os
import platform
import re
import subprocess
import time
from pathlib import Path

from bench.process import ROOT

Facts = dict[str, object]


def first_line(*argv: str) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "none"
    return next(iter((done.stdout or done.stderr).splitlines()), "none")


def processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def memory_gib() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def machine(data: Path) -> Facts:
    return {"processor": processor(), "cores": os.cpu_count(), "memory_gib": memory_gib(), "kernel": platform.release(),
            "system": first_line("sh", "-c", ". /etc/os-release; echo $PRETTY_NAME"),
            "filesystem": first_line("stat", "-f", "-c", "%T", str(data)), "load_average": os.getloadavg()}


def versions(ordersd: Path) -> Facts:
    return {"ordersd": first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
            "compiler": first_line("gcc", "--version"), "wrk": first_line("wrk", "-v"), "go": first_line("go", "version"),
            "node": first_line("node", "--version"), "python": first_line("/usr/bin/python3", "--version"),
            "program": f"{ordersd.stat().st_size} bytes, {time.strftime('%F %T', time.gmtime(ordersd.stat().st_mtime))} UTC"}
