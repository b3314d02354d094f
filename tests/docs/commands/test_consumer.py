"""docs/CONSUMING.md beside scripts/run, as a newcomer reads it: an order is posted, and arrives by polling and by logical decoding."""
import itertools
import json
import re
import shlex
import signal
import unittest
from pathlib import Path

from chaos import wait
from chaos.process import Process
from commands.checkout import Checkout
from commands.documents import Command, every
from commands.rules import of_session
from consume.document import block

ARRIVES_S = 60
POST = "curl -H 'Content-Type: application/json' -d '{order}' http://127.0.0.1:8080/v1/orders"
ORDER = {"account_id": "demo", "symbol": "ACME", "side": "buy", "type": "market", "quantity": "3"}


class Consumer(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.checkout = Checkout()
        self.addAsyncCleanup(self.checkout.stop)
        self.numbers = itertools.count(1)
        self.exports: list[str] = []  # of the reader's terminal

    # ---- the reader's terminal ----

    def line(self, text: str) -> str:
        return "\n".join([*self.exports, text])

    async def do(self, text: str) -> str:
        return await self.checkout.shell.must(self.checkout.here(self.line(text)))

    async def start(self) -> None:
        words = await self.checkout.start("scripts/run")
        (printed,) = re.findall(r"^  (export PGHOST=.*)$", words, re.MULTILINE)
        if self.exports:
            self.assertEqual(printed, self.exports[0], "the same after the next start")
        else:
            self.exports.append(printed)

    async def post(self) -> str:
        order = {**ORDER, "client_order_id": f"order-{next(self.numbers)}"}
        return str(json.loads(await self.do(POST.format(order=json.dumps(order))))["order_id"])

    # ---- what runs until Ctrl-C ----

    async def receive(self, text: str, arrived) -> None:
        """Runs a receiver until `arrived` is true of its log, while it runs; then ends it as a reader does."""
        log = self.checkout.folder / "receiver.log"
        log.unlink(missing_ok=True)
        line = f"cd {shlex.quote(str(self.checkout.folder))}\n{self.line('exec env ' + text)}"
        receiver = Process(["/bin/bash", "-c", line], env=self.checkout.shell.env, log=log)

        async def has_arrived() -> bool:
            self.assertTrue(receiver.alive(), f"{text}\nhas ended: {log.read_text()}")
            return await arrived(log)

        try:
            await wait.until(has_arrived, ARRIVES_S, f"the orders arrive by {text}", 0.2)
        finally:
            self.assertEqual(await receiver.stop(signal.SIGINT, ARRIVES_S), 0, log.read_text())

    async def poll(self, text: str) -> None:
        """The poller prints an order of before and one that comes now."""
        wanted = [await self.post()]

        async def arrived(log: Path) -> bool:
            ids = [line.split("|")[0] for line in log.read_text().splitlines()]
            if len(wanted) == 1 and wanted[0] in ids:
                wanted.append(await self.post())
            self.assertEqual(len(ids), len(set(ids)), "a line for each order")
            return len(wanted) == 2 and wanted[1] in ids

        await self.receive(text, arrived)

    async def decode(self, text: str) -> None:
        """The marked blocks of the section, then what the reader of pgoutput prints."""
        before = await self.post()
        for name in "slot", "existing":
            await self.do(block(name))
        self.assertIn(before, await self.do('cat "$feed"/existing.copy'))
        after = await self.post()

        async def arrived(_: Path) -> bool:
            if not any((self.checkout.folder / "feed").glob("*.pgoutput")):
                return False
            orders = [json.loads(line) for line in (await self.do(text)).splitlines()]
            return [(order["order_id"], order["quantity"]) for order in orders] == [(after, "3.000000000000000000")]

        await self.receive(block("receive"), arrived)

    async def step(self, command: Command) -> None:
        text = command.text
        if text.startswith("export "):
            await self.do(text)
            self.exports.append(text)
        elif "consume.poller" in text:
            await self.poll(text)
        elif "pgoutput.py" in text:
            await self.decode(text)
        else:
            out = await self.do(text)
            if "-v position=" in text:
                self.assertIn("(1 row)", out)
        if "ALTER SYSTEM" in text:
            await self.start()

    async def test_consuming(self) -> None:
        await self.start()
        commands = of_session("consumer", every())
        for command in [command for command in commands if command.text != "scripts/run"]:
            try:
                await self.step(command)
            except (AssertionError, wait.TooLate) as fault:
                self.fail(f"{command.place}: {fault}")
        self.assertTrue((self.checkout.folder / "var/orders.sqlite").is_file())
        self.assertGreater(len(commands), 7)
        print(f"{len(commands)} commands of docs/CONSUMING.md bring the orders beside scripts/run")


if __name__ == "__main__":
    unittest.main()
