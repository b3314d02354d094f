"""The programs that make load, and their figures: orders a second, and latencies in milliseconds."""
import itertools
import json
import tempfile
import time
from pathlib import Path

from bench.process import ROOT, Failure, output_of
from bench.systems import Programs, Target

Figures = dict[str, float]
LATENCIES = ("p50_ms", "p99_ms", "p999_ms")
GRACE_S = 90.0
_runs = itertools.count()


def unique() -> str:
    """The beginning of the ids of a run."""
    return f"{int(time.time() * 1000):x}{next(_runs)}-"


def wrk(target: Target, mode: str, n: int, connections: int, seconds: float) -> Figures:
    """Closed loop. The figures count orders, of which a request of mode batch has n."""
    url = f"{target.url}/batch" if mode == "batch" else target.url
    text, cpu = output_of(["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", "-s",
                           ROOT / "load/wrk.lua", url, "--", mode, unique(), str(n)], seconds + GRACE_S)
    report = json.loads(text.splitlines()[-1])
    lost = {name: report[name] for name in ("refused", "connect_errors", "read_errors", "write_errors", "timeouts")}
    orders = (report["requests"] - report["refused"]) * (n if mode == "batch" else 1)
    return {"orders": orders, "orders_per_s": orders / report["seconds"], "generator_us": cpu, **lost,
            **{name: report[name] for name in LATENCIES}}


def order_load(programs: Programs, target: Target, connections: int, seconds: float, rate: float = 0,
               trace: Path | None = None) -> Figures:
    """Closed loop, or a constant rate with latencies from the intended send time."""
    words = ["--rate", f"{rate:.1f}"] if rate else []
    if trace:
        words += ["--trace", str(trace)]
    text, cpu = output_of([programs.load("order_load"), "--url", target.base, "--connections", str(connections), "--seconds",
                           str(max(1, round(seconds))), "--json", *words], seconds + GRACE_S)
    report = json.loads(text)
    status = {int(code): count for code, count in report["status"].items()}
    refused = sum(count for code, count in status.items() if code >= 300)
    return {"orders": report["acked"], "orders_per_s": report["acked_per_second"], "generator_us": cpu, "refused": refused,
            "connect_errors": report["connection_errors"], "timeouts": report["timeouts"], "unsent": report["unsent"],
            "rate": rate, **{name: report[name] for name in LATENCIES}}


def pgbench(programs: Programs, target: Target, clients: int, seconds: float) -> Figures:
    from_log: list[int] = []
    with tempfile.TemporaryDirectory(prefix="pgbench-") as folder:
        prefix = Path(folder) / "log"
        binary = output_of(["bash", "-c", '. "$0"; pg_bin', ROOT / "scripts/lib.sh"], 10)[0].strip()
        text, cpu = output_of([f"{binary}/pgbench", "-n", "-M", "prepared", "-f", ROOT / "load/single_insert.sql", "-D", "n=0",
                               "-c", str(clients), "-j", str(min(2, clients)), "-T", str(max(1, round(seconds))), "-l",
                               f"--log-prefix={prefix}", target.database], seconds + GRACE_S)
        for path in Path(folder).iterdir():
            from_log += (int(line.split()[2]) for line in path.read_text().splitlines())
    rate = next(float(line.split()[2]) for line in text.splitlines() if line.startswith("tps = "))
    latencies = sorted(from_log)
    if not latencies:
        raise Failure("pgbench has made no transaction")
    quantiles = {name: latencies[min(len(latencies) - 1, int(part * len(latencies)))] / 1000
                 for name, part in zip(LATENCIES, (0.5, 0.99, 0.999))}
    return {"orders": len(latencies), "orders_per_s": rate, "generator_us": cpu, **quantiles}


def bare(programs: Programs, target: Target, seconds: float) -> Figures:
    """The latencies are those of groups."""
    settings = target.system.settings
    text, cpu = output_of([programs.load("bare_statement"), "--conninfo", target.database, "--group", settings["GROUP"],
                           "--connections", settings["CONNECTIONS"], "--seconds", str(seconds)], seconds + GRACE_S)
    report = json.loads(text)
    return {"orders": report["orders"], "orders_per_s": report["orders_per_second"], "generator_us": cpu,
            **{name: report[name] for name in LATENCIES}}


def stranger(programs: Programs, target: Target, seconds: float) -> Figures:
    """One polite client that posts batches of 100 orders."""
    text, cpu = output_of([programs.load("stranger"), "--url", target.base, "--seconds", str(round(seconds))], seconds + GRACE_S)
    report = json.loads(text)
    return {"orders": report["batches"] * 100, "orders_per_s": report["batches"] * 100 / seconds, "generator_us": cpu,
            "p50_ms": report["p50_ms"], "p99_ms": report["p99_ms"], "p999_ms": report["max_ms"]}
