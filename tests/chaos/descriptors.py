"""The open descriptors of a process, each in a word or two: for the text of a finding about too many of them."""
import contextlib
import os
from collections import Counter
from pathlib import Path

STATES = {"01": "established", "02": "dialling", "03": "accepting", "04": "closing", "05": "closing", "06": "time-wait",
          "07": "unconnected", "08": "ended by the peer", "09": "closing", "0A": "listening", "0B": "closing"}


def kinds(pid: int) -> Counter[str]:
    """How many of each kind: files by their paths, sockets by their state and the port at the other end."""
    found: Counter[str] = Counter()
    sockets = _tcp(pid)
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found[_kind(os.readlink(f"/proc/{pid}/fd/{fd}"), sockets)] += 1
    return found


def _kind(target: str, sockets: dict[str, str]) -> str:
    if target.startswith("socket:["):
        return sockets.get(target[8:-1], "socket")
    return target.partition(":[")[0]


def _tcp(pid: int) -> dict[str, str]:
    """By the number of the socket, of the network namespace that the process is in."""
    found = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            _, here, there, state, *more = line.split()
            found[more[5]] = f"tcp {_port(here)} to {_port(there)} {STATES.get(state, state)}"
    return found


def _port(address: str) -> str:
    """The clients' own ports are of no use in a count."""
    port = int(address.rpartition(":")[2], 16)
    return "any" if port >= FIRST_OF_CLIENTS else str(port)


def _first_of_clients() -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return 32768


FIRST_OF_CLIENTS = _first_of_clients()
