"""Who runs which command of the documents. The first rule that fits counts.

A command that no rule fits fails test_rules.py. Add it where a session can run it, or name the test that runs it; NOWHERE is for
what no test on any machine can run."""
import re
from collections.abc import Sequence
from typing import NamedTuple

from commands.documents import ROOT, Command


class Here(NamedTuple):
    session: str  # a test of this folder, test_<session>.py


class There(NamedTuple):
    """Another test runs the command: `file` (or one of those that it fits, as a glob) has each of `essential`, regular expressions
    in which {mark} is the mark of the command's block, and `test` is a test of ctest or a script that runs it."""
    test: str
    file: str
    essential: tuple[str, ...]


class Nowhere(NamedTuple):
    reason: str


class NoCommand(NamedTuple):
    what: str


class Rule(NamedTuple):
    page: str  # regular expressions: of the whole path
    text: str  # of the beginning of the command
    who: Here | There | Nowhere | NoCommand


ENGINE, CONTAINER, MANIFESTS = "docker/test/engine", "tests/package/container", "docker/test/manifests.mjs"
CONFINED = "--security-opt no-new-privileges -e AUTH=none -e HTTP_ALLOWED_HOSTS=localhost"
URL = "-e DATABASE_URL=postgresql://ordersd@postgres/ordersd"

# Blocks that are no commands, by their first lines.
LISTS = {
    "README.md": ("docs/DESIGN.md         what an order",),
    "docs/ARCHITECTURE.md": ("app/       the program", "client ── POST", "http loop: from the socket", "tests/unit         Criterion"),
    "docs/DESIGN.md": ("orders that the group would have",),
    "docs/OPERATIONS.md": ("N x (DATABASE_MAX_POOL_SIZE + 1)", "replicas x (DATABASE_MAX_POOL_SIZE + 1)"),
    "docs/clients/README.md": ("again: 10 orders in",),
}

RULES = (
    # ---- what only looks like a command ----
    Rule(".*", r"(SELECT|INSERT|DELETE|ALTER)\b.*…|(DELETE|INSERT) [\d ]+$|SELECT \*$", NoCommand("the form of a statement, or an answer of psql")),
    Rule(".*", r"kill -9$|kill -ABRT$|getent hosts$|docker compose$|load/bare_statement$|build/release/ordersd$|tests/costs/ceilings$",
         NoCommand("words within a sentence")),
    Rule(".*", "ordersd prune$", NoCommand("the name; docs/OPERATIONS.md has the whole command")),
    Rule("docs/CONFIGURATION.md|docs/DESIGN.md", "SELECT 1$", NoCommand("a value of an option")),

    # ---- marked blocks, which have tests of their own ----
    Rule("docs/OPERATIONS.md", r"SET enable_seqscan = off;\nDELETE FROM orders WHERE ctid", There("docs_removal", "tests/docs/removal", (r"\$\(block {mark}\)",))),
    Rule("docs/OPERATIONS.md", "CREATE ROLE|REVOKE ALL|GRANT (SELECT|pg_read_all_stats)", There("docs_roles", "tests/docs/roles", (r"^run_block {mark} ",))),
    Rule("docs/CONSUMING.md", "DROP SUBSCRIPTION", There("consume_replication", "docs/CONSUMING.md", (r"^DROP SUBSCRIPTION orders_copy;",))),
    Rule("docs/CONSUMING.md", r"SELECT bool_and",
         There("consume_replication", "tests/consume/test_replication.py", (r"SELECT bool_and\(srsubstate = 'r'\) FROM pg_subscription_rel",))),
    Rule("docs/CONSUMING.md", r'scripts/run$|psql -c "ALTER SYSTEM|psql -v position=|DATABASE_URL=postgresql:// |PYTHONPATH=tests |python3 tests/|export (PGUSER|feed)=',
         Here("consumer")),
    Rule("docs/CONSUMING.md", r"export PGHOST=… ", NoCommand("what scripts/run prints, which test_consumer.py uses")),
    Rule("docs/CONSUMING.md", r"(ordersd|CREATE|pg_recvlogical|made|until|psql|BEGIN|SELECT|ALTER|INSERT)\b",
         There("consume_unit", "tests/consume/*.py", (r"(block|shell|run_block)\(\"{mark}\"",))),

    # ---- Docker, Kubernetes, packages, systemd ----
    Rule(".*", r"docker compose -f docker/compose.yaml up -d$", There("docker_engine", ENGINE, (r"compose\.yaml", r"on single up -d"))),
    Rule(".*", r"docker compose -f docker/compose.scale.yaml up -d$", There("docker_engine", ENGINE, (r"compose\.scale\.yaml", r"on scaled up -d"))),
    # It is read and not started: no machine of the tests has an image of Citus.
    Rule(".*", r"docker compose -f docker/compose.citus.yaml up -d$",
         There("docker_compose_files", "docker/test/compose", (r'-f "\$file" config', "compose.citus.yaml"))),
    Rule("docs/SCALING.md", r"SELECT create_distributed_table_concurrently\(", There("test_store_citus", "tests/integration/test_store_citus.c",
         (r"SELECT create_distributed_table_concurrently\('orders', 'account_id', \"?$", r"shard_count := 8\)"))),
    Rule("docs/SCALING.md", r"SELECT truncate_local_data_after_distributing_table\(", There("test_store_citus", "tests/integration/test_store_citus.c",
         (r"SELECT truncate_local_data_after_distributing_table\('orders'\)",))),
    Rule("docs/SCALING.md", r"CREATE EXTENSION citus$", There("test_store_citus", "tests/integration/citus_cluster.h", (r"CREATE EXTENSION citus",))),
    Rule(".*", r"docker-compose -f docker/compose.yaml up -d$",
         There("docker_engine", ENGINE, (r"elif command -v docker-compose .*compose=\(docker-compose\)", r"on single up -d"))),
    Rule(".*", r"docker compose -f docker/compose.yaml --profile monitoring up -d( prometheus)?$",
         There("docker_engine", ENGINE, (r"compose\.yaml\" --profile monitoring", r"on single up -d --no-deps prometheus", r"on single up -d --no-deps grafana"))),
    Rule(".*", r'docker compose -f docker/compose.yaml exec postgres psql -U ordersd -c "ALTER SYSTEM SET wal_level = logical"$',
         There("docker_engine", ENGINE, (r'on single exec -T postgres psql -U ordersd -c "ALTER SYSTEM SET wal_level = logical"',))),
    Rule(".*", r"docker compose -f docker/compose.yaml restart postgres$", There("docker_engine", ENGINE, (r"on single restart postgres$",))),
    Rule(".*", r"docker compose -f docker/compose.yaml exec ordersd ordersd migrate --publication$",
         There("docker_engine", ENGINE, (r"on single exec -T ordersd ordersd migrate --publication",))),
    Rule(".*", r"echo '\{\"services\": \{\"postgres\": \{\"ports\": \[\"127.0.0.1:5432:5432\"\]\}\}\}' >docker/ports.yml$",
         There("docker_engine", ENGINE, (r"\{\"services\": \{\"postgres\": \{\"ports\": \[\"127.0.0.1:0:5432\"\]\}\}\}",))),
    Rule(".*", r"docker compose -f docker/compose.yaml -f docker/ports.yml up -d$",
         There("docker_engine", ENGINE, (r'on single -f "\$work/ports.yml" up -d',))),
    Rule(".*", r"docker compose -f docker/compose.yaml ps$", There("docker_engine", ENGINE, (r"on single ps$",))),
    Rule(".*", r"docker compose -f docker/compose.yaml logs --no-color --tail 2000 ordersd$",
         There("docker_engine", ENGINE, (r"on single logs --no-color --tail 2000 ordersd",))),
    Rule(".*", r"docker compose -f docker/compose.yaml exec postgres psql -U ordersd$",
         There("docker_engine", ENGINE, (r"on single exec -T postgres psql -U ordersd",))),
    Rule(".*", r"docker build -f docker/Dockerfile (--build-arg (BASE|VERSION)=\S+ )*-t ordersd \.$",
         There("docker_engine", ENGINE, (r'docker build --build-arg "BASE=\$base" --build-arg "VERSION=\$version" -f "\$here/\.\./Dockerfile"',))),
    Rule(".*", rf"docker run --read-only --cap-drop ALL {CONFINED} \\\n.*\n.*{URL} -p 127.0.0.1:8081:8080 ordersd$",
         There("docker_engine", ENGINE, (r"docker run .*--read-only --cap-drop ALL", CONFINED, "--network .*_default", URL,
                                         "-e DATABASE_PASSWORD_FILE=/password -v .*:/password:ro"))),
    Rule(".*", r"kubectl apply -k docker/kubernetes$", There("kubernetes_manifests", MANIFESTS, (r"read\('kustomization\.yaml'\)",))),
    Rule(".*", r"kubectl apply -k docker/kubernetes/monitoring$",
         There("monitoring_kubernetes", "tests/monitoring/check_kubernetes.py", (r"own = yaml\.safe_load\(\(FOLDER / 'kustomization\.yaml'\)",))),
    Rule(".*", r"kubectl -n ordersd create secret generic ordersd-database --from-file=password$",
         There("kubernetes_manifests", "docker/kubernetes/deployment.yaml", ("secretName: ordersd-database", "/ordersd-database/password"))),
    Rule(".*", r"kubectl -n ordersd create secret generic ordersd-keys --from-file=keys$",
         There("kubernetes_manifests", "docker/kubernetes/deployment.yaml", ("secretName: ordersd-keys", "/ordersd-keys/keys"))),
    Rule(".*", r"cmake --preset deb && cmake --build --preset deb --target package$",
         There("package_debs", "tests/package/debs", (r"cmake --preset deb .* && cmake --build .* --target package",))),
    Rule(".*", r"sudo apt install \./build/deb/ordersd_[\d.]+_amd64\.deb$",
         There("package_container", CONTAINER, (r"apt-get install .* /root/ordersd\.deb",))),
    Rule(".*", r"apt purge ordersd", There("package_container", CONTAINER, (r"apt-get purge .* ordersd",))),
    Rule(".*", r"sudo cmake --install build/release --component pqpool && sudo ldconfig$",
         There("package_installed", "tests/package/installed", (r"cmake --install .* --component pqpool",))),
    Rule(".*", r"cc docs/examples/pqpool_example\.c \$\(pkg-config --cflags --libs pqpool\) -o pqpool_example$|pkg-config pqpool$",
         There("package_installed", "tests/package/installed", (r"pqpool_example\.c", r"pc .*--cflags", r"pc .*--libs"))),
    Rule(".*", r"man 3 pqpool", There("package_manual", "tests/package/manual", (r"docs/man/pqpool\.3",))),
    Rule(".*", r"man 8 ordersd", There("package_manual_ordersd", "tests/package/manual_ordersd", (r"docs/man/ordersd\.8",))),
    Rule("packaging/.*", r"sudo -u postgres createuser ordersd && sudo -u postgres createdb -O ordersd ordersd$",
         There("package_container", CONTAINER, (r"createuser ordersd && createdb -O ordersd ordersd",))),
    Rule(".*", r"systemctl (reload|restart|status|show) (--no-pager )?ordersd",
         There("package_container", CONTAINER, tuple(rf"systemctl {verb} .*ordersd" for verb in ("reload", "restart", "status", "show")))),
    Rule(".*", r"systemd-run --on-calendar", Nowhere("the beginning of a line; systemd keeps the timer after a test has ended")),
    Rule(".*", r"coredumpctl list ordersd", Nowhere("Debian keeps core dumps only with the package systemd-coredump")),
    Rule(".*", r"sudo gdb -p", Nowhere("many machines forbid a process to look into another one, and gdb is no package of scripts/deps")),

    Rule("docs/SCALING.md", r"\\set partitions 8", There("docs_partition", "tests/docs/partition", (r"run_block {mark} ",))),
    Rule("docs/SCALING.md", r"(DROP TABLE orders_before|ordersd migrate --partitions=\w)", There("docs_partition", "tests/docs/partition", (r"migrate --partitions=8", "DROP TABLE orders_before"))),
    Rule("docs/SCALING.md", r"ANALYZE orders$|CREATE TABLE$|ALTER INDEX$", NoCommand("the name of a command of PostgreSQL")),

    # ---- the scripts of the checkout ----
    Rule(".*", r"scripts/(test|deps|deps test)( --all)?$",
         There("scripts/test", "scripts/test", (r'^gate .* "\$root/scripts/deps" test', r"--all\) all=yes"))),
    Rule(".*", r"scripts/check$", There("scripts/test", "scripts/test", (r'^gate .* "\$root/scripts/check"',))),
    Rule(".*", r"scripts/(pool-options|kubernetes-rules)$",
         There("scripts/check", "scripts/check", (r"scripts/pool-options --check", r"scripts/kubernetes-rules --check"))),
    Rule(".*", r"scripts/circles$|tests/docs/(path|states)$",
         There("circles", "tests/docs/CMakeLists.txt", ("/scripts/circles", "/path", "/states"))),
    Rule(".*", r"tests/package/debs$", There("package_debs", "tests/package/CMakeLists.txt", (r"package_test\(debs",))),
    Rule(".*", r"scripts/api-reference$", There("browser_reference", "tests/browser/reference", (r"/scripts/api-reference",))),
    Rule(".*", r"(scripts/deps pictures && )?scripts/screenshots$", Nowhere("draws for minutes what a person then looks at; scripts/check parses it")),
    Rule(".*", r"load/(partitions|accounts|dead_shards|growth|model)$",
         There("load_scales", "tests/load/scales", ("load/partitions", "load/accounts", "load/dead_shards", "load/growth", "load/model"))),
    Rule(".*", r"load/(memory|prune|list|pool)_figures$|load/consumers$",
         There("load_figures", "tests/load/figures", ("load/pool_figures", "load/prune_figures", "load/list_figures", "load/consumers", "load/memory_figures"))),
    Rule(".*", r"load/failover$", There("load_failover", "tests/load/CMakeLists.txt", (r"/load/failover --rounds 1",))),
    Rule(".*", r"scripts/(chaos|fuzz|deps load)|load/run|tests/costs/costs|tests/docs/migrations|(\w+=\S+ )?(cmake|ctest) |PYTHONPATH=tests python3 -m chaos",
         Here("tools")),

    # ---- the rest runs here ----
    Rule("docs/clients/README.md", r"go run post_orders.go", There("clients_go", "tests/clients/programs.py", (r'FOLDER / "post_orders\.go"',))),
    Rule("docs/clients/README.md", r"", Here("clients")),
    Rule("README.md|docker/compose.yaml", r"scripts/run|AUTH=keys|TLS_|curl|openssl|echo|chmod|for name|install -d", Here("reader")),
    Rule("(README|SECURITY|CONTRIBUTING).md|docs/.*|docker/.*", r"(build/dev/)?ordersd ", Here("operator")),
    Rule("docs/(OPERATIONS|runbooks/.*).md", r"(DATABASE_URL=\S+ ordersd|build/release/load/order_load|sort -u|pg_dump|createdb|ulimit)",
         Here("operator")),
    Rule("docs/(OPERATIONS|runbooks/.*).md", r"(curl|psql|time psql|pg_isready|journalctl|promtool|jq|date|ps|ss|sudo ls|df|grep|export|SELECT|ALTER)\b",
         Here("operator")),
)


def is_list(command: Command) -> bool:
    return command.begins.startswith(LISTS.get(command.page, ())) if command.begins else False


def rule_of(command: Command) -> Rule | None:
    for rule in RULES:
        if re.fullmatch(rule.page, command.page) and re.match(rule.text, command.bare):
            return rule
    return None


def of_session(session: str, commands: Sequence[Command]) -> list[Command]:
    """The commands of the session in the order of the documents, each text of a page once."""
    mine = [command for command in commands if not is_list(command) and (rule := rule_of(command)) and rule.who == Here(session)]
    return list({(command.page, command.text): command for command in reversed(mine)}.values())[::-1]


def files_of(there: There) -> list[str]:
    return [path.read_text() for path in sorted(ROOT.glob(there.file))]
