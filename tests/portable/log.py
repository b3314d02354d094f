"""What the server has logged with log_statement = all, as entries."""
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portable.sources import normal

SETTINGS = """
log_statement = all
log_destination = jsonlog
logging_collector = on
log_directory = 'log'
log_filename = 'statements'
log_rotation_age = 0
log_rotation_size = 0
"""
MESSAGE = re.compile(r"(statement|execute [^:]*): (.*)", re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """One statement; or several in one, if the simple protocol has sent them together."""
    sql: str
    name: str  # of the prepared statement; "" for the simple protocol
    transaction: str  # the virtual transaction id, which no other transaction has

    @property
    def is_simple(self) -> bool:
        return self.name == ""


def entries(path: Path, users: set[str]) -> Iterator[Entry]:
    """Those of the sessions of these users."""
    for line in path.read_text().splitlines():
        row = json.loads(line)
        said = MESSAGE.fullmatch(row.get("message", ""))
        if said and row.get("user") in users:
            name = said[1].removeprefix("execute").strip()
            yield Entry(normal(said[2]), name, row.get("vxid", ""))
