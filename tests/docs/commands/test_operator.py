"""The commands of OPERATIONS.md and of the runbooks, and ordersd's own wherever a document has them, beside a service at work.

Each must succeed and complain of nothing. A grep must find something by each of its alternatives, and members that jq takes must be
there, so a renamed metric, event or member is noticed."""
import itertools
import os
import re
import unittest

from commands.desk import KEY, Desk
from commands.documents import ROOT, Command, every
from commands.rules import of_session
from commands.shell import probe

RUNBOOKS = "docs/runbooks/"
STATEMENT = re.compile(r"(SELECT|ALTER)\b")
SAYS_NOTHING = re.compile(r"export |ss -tn|ordersd (healthcheck|migrate|--check-config)|.*>docs/|pg_dump|createdb|.*/order_load .*--acked")
GENERATED = {"--config-doc": "CONFIGURATION.md", "--metrics-doc": "METRICS.md", "--problem-doc": "PROBLEMS.md"}


def has_values(out: str) -> bool:
    """Each column of what jq and uniq print has a value in some line."""
    rows = [re.sub(r"^ *\d+ ", "", line).split("\t") for line in out.splitlines()]
    return all(any(cell not in ("", "null") for cell in column) for column in itertools.zip_longest(*rows, fillvalue=""))


class Operator(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.desk = Desk()
        self.addAsyncCleanup(self.desk.close)
        self.probed = 0
        await self.desk.start()

    def here(self, command: Command) -> str:
        """What a reader replaces, replaced."""
        desk = self.desk
        assert desk.stage.service and desk.keyed
        text = command.text
        changes = [("HOST:8080", f"127.0.0.1:{desk.stage.service.port}"), ("--seconds 30", "--seconds 1"),
                   ("postgresql://ordersd_owner@db/", f"postgresql://ordersd_owner@127.0.0.1:{desk.stage.server.port}/"),
                   ("/etc/ordersd.keys", str(desk.folder / "ordersd.keys")), ("Bearer KEY", f"Bearer {KEY}"), ("'NAME'", "'orders_feed'"),
                   ("terminate_backend(pid)", "terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'ordersd%' LIMIT 1")]
        for old, new in changes:
            text = text.replace(old, new)
        if command.page.endswith("OrdersdKeyRejected.md"):
            text = text.replace("NAME", "alice").replace("$at", "$keyed")
        if STATEMENT.match(text):
            return f'psql -c "BEGIN" -c "{text}" -c "ROLLBACK"'
        return f"journalctl -u ordersd -o cat | {text}" if text.startswith("jq ") else text

    async def do(self, command: Command) -> str:
        text = self.here(command)
        if "$prometheus" in text:
            await self.desk.scraped()
        is_superuser = not command.page.startswith(RUNBOOKS) or STATEMENT.match(command.text)
        user = {"PGUSER": "postgres"} if is_superuser else {}
        out = await self.desk.shell.must(text, KEY + "\n" if "hash-key" in text else "", **user)
        if not SAYS_NOTHING.match(text) and not out.strip():
            raise AssertionError(f"{text}\nprints nothing")
        if "jq" in text and not has_values(out):
            raise AssertionError(f"{text}\nfinds no value for a member: {out}")
        if also := probe(text):
            await self.desk.shell.must(also, **user)
            self.probed += 1
        return out

    def check_generated(self) -> None:
        """The documents that the commands of CONTRIBUTING.md have written."""
        for option, name in GENERATED.items():
            self.assertEqual((self.desk.folder / "docs" / name).read_text(), (ROOT / "docs" / name).read_text(), option)

    async def test_commands(self) -> None:
        commands = of_session("operator", every())
        printed: dict[str, str] = {}
        done: set[str] = set()
        faults = []
        for command in commands:
            key = f"{self.here(command)} {command.page.startswith(RUNBOOKS)}"
            if key in done:
                continue
            if command.text.startswith("sudo ") and os.geteuid() != 0:
                print(f"SKIPPED, as this is not root: {command.text}")
                continue
            done.add(key)
            try:
                printed[command.text] = await self.do(command)
            except AssertionError as fault:
                faults.append(f"{command.place}: {fault}")
        if faults:
            self.fail("\n" + "\n\n".join(faults))
        self.check_generated()
        acked, stored = (next(out for text, out in printed.items() if words in text) for words in ("sort -u acked.txt", "LIKE 'stage-%'"))
        self.assertGreater(int(acked), 0)
        self.assertEqual(int(acked), int(stored), "docs/OPERATIONS.md compares what was acknowledged with what is stored")
        self.assertGreater(len(done), 100)
        self.assertGreater(self.probed, 30)
        print(f"{len(done)} commands for operators work")


if __name__ == "__main__":
    unittest.main()
