"""A consumer that polls, as docs/CONSUMING.md says: it may be killed at any moment, and goes on where it was.

    PYTHONPATH=tests python3 -m consume.poller [--database CONNINFO] [--sql FILE] [--pause SECONDS] STORE

polls until Ctrl-C. STORE is an SQLite database with the orders that have arrived, in its table `orders`, and the position. One
poll is stored in one transaction. Each order that is new is then printed, as psql prints a row. Without --database, libpq's
variables name the database. Without --sql, the statements are those of the document."""
import argparse
import contextlib
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple, TextIO

from consume.document import block

START = "00000000-0000-0000-0000-000000000000"
TABLES = """
CREATE TABLE IF NOT EXISTS orders (order_id TEXT PRIMARY KEY, row TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS state (one INTEGER PRIMARY KEY CHECK (one = 1), position TEXT NOT NULL, mark_xid INTEGER,
                                  mark_reached TEXT, repeated INTEGER NOT NULL, polls INTEGER NOT NULL);
"""


class State(NamedTuple):
    """`repeated` counts the orders that came again, `polls` the polls: they are for the tests."""
    position: str = START
    mark_xid: int | None = None
    mark_reached: str | None = None
    repeated: int = 0
    polls: int = 0

    def after(self, oldest_running: int, own_xid: int, reached: str, repeated: int) -> "State":
        position, mark = self.position, (self.mark_xid, self.mark_reached)
        if mark[0] is not None and mark[1] is not None and oldest_running > mark[0]:
            position, mark = mark[1], (None, None)
        if mark[0] is None or own_xid < mark[0]:
            mark = (own_xid, reached)
        return State(position, *mark, self.repeated + repeated, self.polls + 1)


class Store:
    def __init__(self, path: Path) -> None:
        self._sqlite = sqlite3.connect(path, isolation_level=None, timeout=10)
        self._sqlite.executescript(TABLES)

    def close(self) -> None:
        self._sqlite.close()

    def state(self) -> State:
        row = self._sqlite.execute("SELECT position, mark_xid, mark_reached, repeated, polls FROM state").fetchone()
        return State(*row) if row else State()

    def orders(self) -> dict[str, str]:
        """The row of each order_id."""
        return dict(self._sqlite.execute("SELECT order_id, row FROM orders"))

    def take(self, answer: str) -> list[str]:
        """Stores what one poll has answered: the figures, then a line for each order. Returns the lines of the new orders."""
        figures, *rows = answer.rstrip("\n").split("\n")
        oldest_running, own_xid, reached, _ = figures.split("|")
        with self._transaction():
            added = [row for row in rows if self._add(row)]
            state = self.state().after(int(oldest_running), int(own_xid), reached, len(rows) - len(added))
            self._sqlite.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?)", state)
        return added

    def _add(self, row: str) -> bool:
        """False if the order is there already."""
        return self._sqlite.execute("INSERT OR IGNORE INTO orders VALUES (?, ?)", (row.split("|", 1)[0], row)).rowcount == 1

    @contextlib.contextmanager
    def _transaction(self):
        self._sqlite.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._sqlite.execute("ROLLBACK")
            raise
        self._sqlite.execute("COMMIT")


def poll(conninfo: str, store: Store, sql: str, shown: TextIO | None = None) -> bool:
    """False if the transaction has not ended well: the next poll asks the same. A warning counts too: it may say that the
    commit has not waited for the standbys. `shown` gets a line for each new order."""
    command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-v", f"position={store.state().position}", "-d", conninfo]
    done = subprocess.run(command, input=sql, capture_output=True, text=True)
    if done.returncode != 0 or done.stderr:
        print(done.stderr, file=sys.stderr, flush=True)
        return False
    added = store.take(done.stdout)
    if shown:
        shown.write("".join(f"{row}\n" for row in added))
        shown.flush()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m consume.poller", description="Polls for orders until Ctrl-C.")
    parser.add_argument("store", metavar="STORE", type=Path, help="an SQLite database, which is made if it is missing")
    parser.add_argument("--database", metavar="CONNINFO", default="", help="by default what PGHOST, PGUSER, PGDATABASE name")
    parser.add_argument("--sql", metavar="FILE", type=Path, help="the statements; by default those of docs/CONSUMING.md")
    parser.add_argument("--pause", metavar="SECONDS", type=float, default=1.0, help="between two polls; by default 1")
    given = parser.parse_args()
    store, sql = Store(given.store), given.sql.read_text() if given.sql else block("poll")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            poll(given.database, store, sql, sys.stdout)
            time.sleep(given.pause)


if __name__ == "__main__":
    main()
