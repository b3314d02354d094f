"""A checkout as a newcomer has it, and scripts/run in it.

It is a copy in which nothing is installed or built: scripts/deps and cmake do nothing, and the release build is this one."""
import os
import signal
from pathlib import Path

from chaos import sandbox, wait
from chaos.postgres import programs
from chaos.process import Process
from commands.documents import ROOT
from commands.shell import Shell

PORT = "8080"
SERVES_S, ENDS_S = 120, 60
LINKS = ("scripts/run", "scripts/lib.sh", "tests", "docs")


def make_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


class Checkout:
    """scripts/run logs each request, so that a test sees what scripts/run itself asks."""

    def __init__(self) -> None:
        self.folder = sandbox.make_folder()
        self.port = sandbox.free_port()
        (self.folder / "scripts").mkdir()
        for name in LINKS:
            (self.folder / name).symlink_to(ROOT / name)
        make_program(self.folder / "scripts/deps", ":")
        make_program(self.folder / "bin/cmake", ":")
        (self.folder / "build/release").mkdir(parents=True)
        (self.folder / "build/release/ordersd").symlink_to(os.environ["ORDERSD"])
        path = f"{self.folder}/bin:{programs()}:{os.environ['PATH']}"
        self.shell = Shell(self.folder, {"PATH": path, "HTTP_PORT": str(self.port), "LOG_LEVEL": "debug", "PYTHONDONTWRITEBYTECODE": "1"})
        self.starts = 0
        self._service: Process | None = None

    def here(self, text: str) -> str:
        return text.replace(f":{PORT}", f":{self.port}")

    async def start(self, text: str) -> str:
        """scripts/run, until it has said all. It stays until the next one, as a reader ends it: by Ctrl-C. Returns what it has said."""
        await self.stop()
        self.starts += 1
        log = self.folder / f"run.{self.starts}.log"
        line = f"cd {self.folder} && {text.replace('scripts/run', 'exec scripts/run')}"
        self._service = service = Process(["/bin/bash", "-c", line], env=self.shell.env, log=log)

        def serves() -> bool:
            if not service.alive():
                raise AssertionError(f"{text}\nhas ended:\n{log.read_text()}")
            return "Ctrl-C ends it" in log.read_text()

        await wait.until(serves, SERVES_S, f"{text} serves", 0.1)
        return log.read_text()

    async def stop(self) -> None:
        service, self._service = self._service, None
        if service:
            code = await service.stop(signal.SIGINT, ENDS_S)
            if code != 0:
                raise AssertionError(f"scripts/run after Ctrl-C: {code}")
