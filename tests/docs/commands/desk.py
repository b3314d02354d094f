"""What an operator has in front of them: an ordersd that serves, another one that asks for keys, their PostgreSQL, a Prometheus, and
the journal. All of it is real but the journal: journalctl prints what the two have logged, and one line for every other event that
the sources name."""
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from chaos import sandbox, wait
from chaos.process import Process
from chaos.service import HOST, Service
from commands.documents import ROOT
from commands.shell import Shell
from consume.stage import Stage, program

READY_S = 90
KEY = "one-key-of-alice"
ORDER = {"account_id": "A", "client_order_id": "I", "symbol": "ACME", "side": "buy", "type": "market", "quantity": "1"}
# Each real journalctl that is here must know the options.
JOURNALCTL = """if [ -x /usr/bin/journalctl ]; then
  case $(/usr/bin/journalctl "$@" -n 1 2>&1 >/dev/null) in *nrecognized*|*"ailed to parse"*|*requires*) echo "journalctl has no $*" >&2; exit 1 ;; esac
fi
case $1 in -k) echo "kernel: Out of memory: Killed process 1 (ordersd)" ;; *) cat {folder}/journal ;; esac"""
PROMETHEUS = """
global: {{scrape_interval: 1s}}
scrape_configs: [{{job_name: ordersd, static_configs: [{{targets: ['{target}']}}]}}]
"""
LINKS = {"docker": ROOT / "docker", "build/dev/ordersd": program(), "build/release/load/order_load": Path(os.environ["BUILD"]) / "load/order_load"}


def events() -> set[str]:
    return {name for path in ROOT.glob("src/*/*.c") for name in re.findall(r'"([a-z]+\.[a-z_]+)"', path.read_text())}


class Desk:
    def __init__(self) -> None:
        self.stage = Stage()
        self.folder = self.stage.folder / "desk"
        self.keyed: Service | None = None
        self._prometheus: Process | None = None
        self.prometheus_port = sandbox.free_port()

    # ---- start and end ----

    async def start(self) -> None:
        await self.stage.start()
        self.folder.mkdir()
        await self.stage.server.sql("GRANT pg_monitor TO ordersd_app; SELECT pg_create_logical_replication_slot('orders_feed', 'pgoutput')")
        keys = self.folder / "ordersd.keys"
        keys.write_text(f"alice sha256:{hashlib.sha256(KEY.encode()).hexdigest()} accounts=none\n")
        keys.chmod(0o600)
        url = self.stage.server.conninfo(user="ordersd_app")
        self.keyed = Service(1, program(), sandbox.free_port(), self.stage.folder, {"DATABASE_URL": url, "AUTH": "keys", "API_KEYS_FILE": str(keys)})
        await self.keyed.start()
        await wait.until(self.keyed.ready, READY_S, "the ordersd with keys is ready", 0.1)
        self._make_tools()
        self._start_prometheus()
        self.shell = Shell(self.folder, self.env())
        await self._post()
        self._write_journal()

    async def scraped(self) -> None:
        """Prometheus has its target, for which it takes some seconds."""
        await wait.until(self._is_scraped, READY_S, "Prometheus has its target", 0.2)

    async def close(self) -> None:
        if self._prometheus:
            self._prometheus.kill()
            await self._prometheus.ended()
        if self.keyed:
            self.keyed.close()
            self.keyed.kill()
            await self.keyed.end()
        await self.stage.close()

    def _make_tools(self) -> None:
        assert self.stage.service
        tools = {"journalctl": JOURNALCTL.format(folder=self.folder), "pidof": f"echo {self.stage.service.pid}", "sudo": 'exec "$@"'}
        for name, text in tools.items():
            path = self.folder / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
        for name, target in LINKS.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).symlink_to(target)
        (self.folder / "docs").mkdir()

    def _start_prometheus(self) -> None:
        assert self.stage.service
        config = self.folder / "prometheus.yml"
        config.write_text(PROMETHEUS.format(target=f"{HOST}:{self.stage.service.port}"))
        binary = shutil.which("prometheus")
        if binary is None:
            raise FileNotFoundError("no prometheus: scripts/deps test")
        self._prometheus = Process([binary, f"--config.file={config}", f"--storage.tsdb.path={self.folder}/tsdb",
                                    f"--web.listen-address={HOST}:{self.prometheus_port}"], env=dict(os.environ), log=self.folder / "prometheus.log")

    async def _is_scraped(self) -> bool:
        if self._prometheus is None or not self._prometheus.alive():
            raise RuntimeError((self.folder / "prometheus.log").read_text()[-1000:])
        answer = await self.shell.run('curl -s "$prometheus/api/v1/targets?state=active" | jq -e ".data.activeTargets[].labels.job"')
        return answer.code == 0

    # ---- what happens before the operator looks ----

    async def _post(self) -> None:
        """One order that is stored, and two that are refused, one of them to the key."""
        assert self.keyed
        bodies = self.folder / "bodies"
        bodies.mkdir()
        (bodies / "good").write_text(json.dumps(ORDER))
        (bodies / "invalid").write_text(json.dumps({**ORDER, "side": "hold"}))
        post = "curl -s -o /dev/null -w '%{http_code}' -i "
        for kind, status, at in (("good", 201, "$at"), ("invalid", 422, "$at"), ("good", 403, "$keyed")):
            head = f"-H \"Authorization: Bearer {KEY}\" -H 'Content-Type: application/json'"
            got = await self.shell.must(f"{post} {head} -T bodies/{kind} -X POST {at}/v1/orders")
            if got != str(status):
                raise AssertionError(f"{kind}: {got}, not {status}")

    def _write_journal(self) -> None:
        assert self.stage.service and self.keyed
        lines = [log.read_text() for service in (self.stage.service, self.keyed) for log in service.logs]
        logged = "".join(lines)
        lines += [json.dumps({"level": "info", "event": name}, separators=(",", ":")) + "\n" for name in sorted(events())
                  if f'"event":"{name}"' not in logged]
        (self.folder / "journal").write_text("".join(lines))

    # ---- who runs the commands ----

    def env(self) -> Mapping[str, str]:
        assert self.stage.service and self.keyed
        base = self.stage.env(PGUSER="ordersd_app", at=f"{HOST}:{self.stage.service.port}", keyed=f"{HOST}:{self.keyed.port}",
                              prometheus=f"{HOST}:{self.prometheus_port}", key=KEY, HTTP_PORT=str(self.stage.service.port))
        return {**base, "PATH": f"{self.folder}/bin:{base['PATH']}", "DATABASE_URL": self.stage.server.conninfo(user="ordersd_owner")}
