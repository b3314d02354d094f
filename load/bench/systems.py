"""What is measured: ordersd, its limits, and its peers. Each is started anew for each measurement."""
import contextlib
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.process import ROOT, Child, Failure, free_port, output_of, until

urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))  # 127.0.0.1 needs no proxy
PEERS = ROOT / "load/peers"
Settings = Mapping[str, str]


def combinations(**options: tuple[int, ...]) -> tuple[Settings, ...]:
    found: list[dict[str, str]] = [{}]
    for name, values in options.items():
        found = [one | {name: str(value)} for one in found for value in values]
    return tuple(found)


@dataclass(frozen=True, eq=False)
class System:
    """`options` are the settings to choose from before it is compared; the first is used when nothing is chosen."""
    name: str
    about: str
    kind: str = "service"            # or "pgbench" or "bare": a loop that needs no client
    settings: Settings = field(default_factory=dict)
    options: tuple[Settings, ...] = ({},)
    again: bool = False              # the options are chosen in each scenario anew

    def with_settings(self, chosen: Settings) -> "System":
        return System(self.name, self.about, self.kind, {**self.settings, **chosen})


WORKERS = (1, 2, 4, 8, 16)

SYSTEMS = {system.name: system for system in (
    System("ordersd", "ordersd with its defaults"),
    System("fixed", "ordersd with the best fixed ORDERS_WORKERS", options=combinations(ORDERS_WORKERS=WORKERS), again=True),
    System("before", "another build of ordersd, which --before names"),
    System("own-client", "ordersd, loaded by order_load instead of wrk: do the two clients agree?"),
    System("no-store", "ordersd with a store that does nothing"),
    System("bare-1", "the store's statement in a loop over libpq, one order at a time", "bare", {"GROUP": "1", "CONNECTIONS": "1"}),
    System("bare-100", "the same, groups of 100", "bare", {"GROUP": "100", "CONNECTIONS": "1"}),
    System("bare-500", "the same, groups of 500", "bare", {"GROUP": "500", "CONNECTIONS": "1"}),
    System("bare-most", "as many of these loops as store most, groups of 500", "bare", {"GROUP": "500"},
           combinations(CONNECTIONS=(1, 2, 4))),
    System("pgbench", "pgbench -M prepared, one INSERT a transaction", "pgbench", {}, combinations(CLIENTS=(8, 16, 32))),
    System("go-single", "Go net/http and pgx, one INSERT a request", "service", {"PEER": "single", "GOGC": "400"},
           combinations(POOL_MAX=(4, 8, 16, 32), GOMAXPROCS=(1, 2, 4))),
    System("go-batched", "Go net/http and pgx, groups by the store's statement", "service", {"PEER": "batched", "GOGC": "400"},
           combinations(WORKERS=(1, 2, 4), GOMAXPROCS=(1, 2)), again=True),
    System("node-single", "fastify and pg, one INSERT a request", "service", {"PEER": "single"},
           combinations(PROCESSES=(1, 2, 4), POOL_MAX=(4, 16))),
    System("node-batched", "fastify and pg, groups by the store's statement", "service", {"PEER": "batched"},
           combinations(PROCESSES=(1, 2, 4), WORKERS=(1, 2))),
    System("fastapi", "FastAPI and asyncpg under uvicorn, one INSERT a request", "service", {},
           combinations(PROCESSES=(1, 2, 4), POOL_MAX=(4, 16))),
)}


@dataclass(frozen=True)
class Target:
    """A system that runs. `pid` is 0 for a loop, which has not begun."""
    system: System
    base: str
    pid: int
    database: str

    @property
    def url(self) -> str:
        return f"{self.base}/v1/orders"

    def metrics(self) -> dict[str, float]:
        """Of /metrics; a peer has none."""
        try:
            with urllib.request.urlopen(f"{self.base}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except (OSError, urllib.error.URLError):
            return {}
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line and line[0] != "#")}


def answers(url: str) -> bool:
    """Any answer will do: a peer has no path for that."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError as error:
        return error.code != 503
    except OSError:
        return False
    return True


class Programs:
    """Where the programs are. Peers whose tools are missing are left out, and `missing` says why."""

    def __init__(self, build: Path, logs: Path, before: Path | None = None) -> None:
        self.build, self.logs, self.peers = build, logs, ROOT / "build/peers"
        self.ordersd = build / "ordersd"
        self.others = {"no-store": self.load("ordersd_no_store"), "before": before or self.ordersd}
        self.missing: dict[str, str] = {}
        self.environment = {"LOG_LEVEL": "error", "HTTP_ADDRESS": "127.0.0.1", "GROUP_INSERT": self._statement()}

    def load(self, name: str) -> Path:
        return self.build / "load" / name

    def _statement(self) -> str:
        return output_of([self.load("bare_statement"), "--print-sql"], 10)[0].strip()

    def make(self, names: list[str]) -> list[str]:
        """Builds the peers among `names`, and returns the names of all that can be measured."""
        self.peers.mkdir(parents=True, exist_ok=True)
        makers = {"go": self._make_go, "node": self._make_node, "fastapi": self._make_python}
        wanted = {name.split("-")[0] for name in names} & set(makers)
        why = {}
        for kind in wanted:
            try:
                makers[kind]()
            except (Failure, OSError) as failure:
                why[kind] = str(failure)
        self.missing = {name: why[name.split("-")[0]] for name in names if name.split("-")[0] in why}
        return [name for name in names if name not in self.missing]

    def _make_go(self) -> None:
        """Debian's packages of Go libraries are laid out for GOPATH."""
        subprocess.run(["go", "build", "-o", str(self.peers / "peer_go"), "."], cwd=PEERS / "go", check=False, timeout=300,
                       env={"PATH": "/usr/local/bin:/usr/bin:/bin", "GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
                            "GOCACHE": str(self.peers / "go")})
        if not (self.peers / "peer_go").exists():
            raise Failure("go build has made nothing")

    def _make_node(self) -> None:
        output_of([ROOT / "tests/contract/install", self.peers / "node", PEERS / "node"], 300)
        for source in (PEERS / "node").glob("*.mjs"):
            shutil.copy(source, self.peers / "node")

    def _make_python(self) -> None:
        output_of(["/usr/bin/python3", "-c", "import asyncpg, fastapi, httptools, uvicorn, uvloop"], 60)

    # ---- commands ----

    def command(self, system: System, port: int) -> tuple[list[str | Path], str]:
        """The command of a service, and the folder that it runs in."""
        name = system.name.split("-")[0]
        if name == "go":
            return [self.peers / "peer_go"], "/"
        if name == "node":
            return ["node", "app.mjs"], str(self.peers / "node")
        if name == "fastapi":
            return ["/usr/bin/python3", "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", str(port), "--workers",
                    system.settings["PROCESSES"], "--loop", "uvloop", "--http", "httptools", "--no-access-log",
                    "--log-level", "error", "--backlog", "4096"], str(PEERS / "python")
        return [self.others.get(system.name, self.ordersd)], "/"

    def owner_of(self, system: System) -> Path:
        """The ordersd whose schema the system is measured with."""
        return self.others["before"] if system.name == "before" else self.ordersd

    @contextlib.contextmanager
    def running(self, system: System, database: str) -> Iterator[Target]:
        if system.kind != "service":
            yield Target(system, "", 0, database)
            return
        port = free_port()
        argv, folder = self.command(system, port)
        base = f"http://127.0.0.1:{port}"
        log = self.logs / f"{system.name}.log"
        env = {**self.environment, **system.settings, "DATABASE_URL": database, "HTTP_PORT": str(port),
               "LISTEN": f"127.0.0.1:{port}", "PYTHONDONTWRITEBYTECODE": "1"}
        child = Child(argv, log, env, dies_by="TERM", cwd=folder)
        try:
            ready = f"{base}/health/ready"
            until(lambda: answers(ready) or not child.alive(), f"{system.name} answers")
            if not child.alive():
                raise Failure(f"{system.name} has ended: {child.last_words()}")
            yield Target(system, base, child.pid, database)
        finally:
            child.stop(whole=True)
