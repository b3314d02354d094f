"""The commands of docs/clients/README.md, in a copy of its folder: orders are posted, and what a list lacks comes out.

A program whose language is not here is left out and said so; the tests clients_* say more of each."""
import json
import shlex
import shutil
import unittest
from pathlib import Path

from clients.programs import CLIENTS, FOLDER, environment
from commands.documents import Command, every
from commands.rules import of_session
from commands.shell import Shell
from consume.stage import Stage

ORDERS = 100
DAY = "2026-11-23/"
SENT, STORED = {f"{DAY}{n}" for n in range(5)}, {f"{DAY}{n}" for n in range(4)}


class Clients(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.stage = Stage()
        self.addAsyncCleanup(self.stage.close)
        await self.stage.start()
        self.folder = self.stage.folder / "clients"
        shutil.copytree(FOLDER, self.folder)
        assert self.stage.service
        self.at = f"http://127.0.0.1:{self.stage.service.port}"
        self.shell = Shell(self.folder, environment(self.folder))

    def here(self, text: str) -> str:
        return text.replace("http://127.0.0.1:8080", self.at)

    async def post_day(self) -> None:
        """All orders of a day but one are stored."""
        (self.folder / "sent").write_text("".join(f"{name}\n" for name in sorted(SENT, reverse=True)))
        order = {"account_id": "demo", "symbol": "ACME", "side": "buy", "type": "market", "quantity": "1"}
        lines = [json.dumps({**order, "client_order_id": name}) for name in STORED]
        await self.shell.must(f"curl -H 'Content-Type: application/x-ndjson' --data-binary @- {self.at}/v1/orders/batch", "\n".join(lines))

    async def posts(self, command: Command) -> None:
        """The program prints the id of each order that is stored."""
        program = next(Path(word).name for word in shlex.split(command.text) if Path(word).suffix in (".py", ".mjs", ".java", ".sh"))
        client = next(client for client in CLIENTS.values() if Path(client.command[-1]).name == program)
        if why := client.missing():
            print(f"SKIPPED {command.text}: {why}")
            return
        ids = (await self.shell.must(self.here(command.text))).split()
        self.assertEqual(len(set(ids)), ORDERS)
        stored = await self.stage.server.sql("SELECT client_order_id FROM orders WHERE account_id = 'demo'")
        self.assertLessEqual(set(ids), set(stored.split()))

    async def test_commands(self) -> None:
        commands = of_session("clients", every())
        programs = [command for command in commands if f" demo {ORDERS} " in command.text]
        self.assertGreaterEqual(len(programs), 4)
        for command in programs:
            with self.subTest(command.place, text=command.text):
                await self.posts(command)
        await self.post_day()
        printed = [await self.shell.must(self.here(command.text)) for command in commands if command not in programs]
        self.assertEqual(printed, ["", *(f"{name}\n" for name in SENT - STORED)], "what was sent and is not stored")
        print(f"{len(commands)} commands of docs/clients/README.md work")


if __name__ == "__main__":
    unittest.main()
