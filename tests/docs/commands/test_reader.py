"""README.md from its beginning: scripts/run itself, the orders that the reader posts, keys, TLS; and the answers that it shows.

The checkout is a copy in which nothing is installed or built: scripts/deps and cmake do nothing, and the release build is this one."""
import os
import re
import signal
import unittest
from pathlib import Path

from chaos import sandbox, wait
from chaos.postgres import programs
from chaos.process import Process
from commands.documents import ROOT, Command, every
from commands.rules import of_session
from commands.shell import Shell, Shown

PORT = "8080"
SERVES_S, ENDS_S = 120, 60


def make_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Reader(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.folder = sandbox.make_folder()
        self.port = sandbox.free_port()
        for name in "run", "lib.sh":
            (self.folder / "scripts").mkdir(exist_ok=True)
            (self.folder / "scripts" / name).symlink_to(ROOT / "scripts" / name)
        make_program(self.folder / "scripts/deps", ":")
        make_program(self.folder / "bin/cmake", ":")
        (self.folder / "build/release").mkdir(parents=True)
        (self.folder / "build/release/ordersd").symlink_to(os.environ["ORDERSD"])
        self.shell = Shell(self.folder, {"PATH": f"{self.folder}/bin:{programs()}:{os.environ['PATH']}", "HTTP_PORT": str(self.port)})
        self.shown = Shown()
        self.service: Process | None = None
        self.starts = 0
        self.addAsyncCleanup(self.stop)

    def here(self, text: str) -> str:
        return text.replace(f":{PORT}", f":{self.port}")

    async def start(self, text: str) -> None:
        """scripts/run, until it says that it serves. It stays until the next one, as a reader ends it: by Ctrl-C."""
        await self.stop()
        self.starts += 1
        log = self.folder / f"run.{self.starts}.log"
        line = f"cd {self.folder} && {text.replace('scripts/run', 'exec scripts/run')}"
        self.service = service = Process(["/bin/bash", "-c", line], env=self.shell.env, log=log)

        def serves() -> bool:
            if not service.alive():
                raise AssertionError(f"{text}\nhas ended:\n{log.read_text()}")
            return "ordersd serves on" in log.read_text()

        await wait.until(serves, SERVES_S, f"{text} serves", 0.1)
        self.check_hints(log.read_text())

    def check_hints(self, words: str) -> None:
        """What scripts/run itself proposes is what README.md has, or the like with TLS."""
        proposed = re.findall(r"^  curl -i .*", words, re.MULTILINE)
        posts = {self.here(command.text) for command in every() if command.page == "README.md" and command.text.startswith("curl -i")}
        if "https://" not in words:
            self.assertTrue(proposed and {line.strip() for line in proposed} <= posts, proposed)

    async def stop(self) -> None:
        service, self.service = self.service, None
        if service:
            self.assertEqual(await service.stop(signal.SIGINT, ENDS_S), 0, "scripts/run after Ctrl-C")

    async def do(self, command: Command) -> None:
        if "scripts/run" in command.text:
            await self.start(command.text)
            return
        got = await self.shell.must(self.here(command.text))
        if command.output:
            self.assertIsNone(self.shown.fault(command.output, got))

    async def test_readme(self) -> None:
        commands = of_session("reader", every())
        self.assertGreater(sum(bool(command.output) for command in commands), 4)
        blocks, others = [command for command in commands if command.kind == "block"], [command for command in commands if command.kind != "block"]
        for command in blocks[:1] + others + blocks[1:]:
            (self.folder / "docker").mkdir(exist_ok=True)
            try:
                await self.do(command)
            except (AssertionError, wait.TooLate) as fault:
                self.fail(f"{command.place}: {fault}")
        self.assertEqual(self.starts, 3)
        self.assertEqual((self.folder / "var/alice.key").stat().st_mode & 0o777, 0o600)
        self.assertGreater((self.folder / "docker/secrets/postgres_password").stat().st_size, 40)
        print(f"{len(commands)} commands of README.md do what it says")


if __name__ == "__main__":
    unittest.main()
