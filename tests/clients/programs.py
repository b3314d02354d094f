"""The programs of docs/clients: what each needs and how it is run, as docs/clients/README.md has it."""
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "clients"
GSON = Path("/usr/share/java/gson.jar")
GO_BUILD_S = 700


@dataclass(frozen=True)
class Client:
    command: tuple[str, ...]  # without the arguments; it is run in FOLDER
    needs: tuple[str, ...] = ()  # programs
    needs_file: Path | None = None

    def missing(self) -> str | None:
        """What is not installed here."""
        for program in self.needs:
            if shutil.which(program) is None:
                return f"{program} is missing"
        if self.needs_file and not self.needs_file.exists():
            return f"{self.needs_file} is missing"
        return None


GO_PROGRAM = "post_orders_go"  # built once, where `go run` would build for each test

CLIENTS = {
    "python": Client((sys.executable, "post_orders.py")),
    "node": Client(("node", "post_orders.mjs"), ("node",)),
    "go": Client((GO_PROGRAM,), ("go",)),
    "java": Client(("java", "-cp", str(GSON), "PostOrders.java"), ("java", "javac"), GSON),
    "curl": Client(("./post_orders.sh",), ("bash", "curl", "jq")),
    "list": Client(("./list_orders.sh",), ("bash", "curl")),
}


def environment(work: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """No proxy and no key of the machine gets in. Without the last variable Node 18 says that fetch is experimental."""
    return {"PATH": os.environ["PATH"], "HOME": str(work), "LC_ALL": "C.UTF-8", "NODE_NO_WARNINGS": "1", **(more or {})}


def prepare(name: str, work: Path) -> None:
    """Builds what has to be built."""
    work.mkdir(parents=True, exist_ok=True)
    if name == "go":
        env = environment(work, {"GO111MODULE": "off", "GOCACHE": str(work / "go-cache"), "GOTOOLCHAIN": "local"})
        subprocess.run(["go", "build", "-o", str(work / GO_PROGRAM), str(FOLDER / "post_orders.go")], env=env, check=True,
                       timeout=GO_BUILD_S)


def command(name: str, work: Path, *arguments: object) -> list[str]:
    program, *rest = CLIENTS[name].command
    if program == GO_PROGRAM:
        program = str(work / GO_PROGRAM)
    return [program, *rest, *map(str, arguments)]
