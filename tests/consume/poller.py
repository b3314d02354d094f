"""A consumer that polls, as docs/CONSUMING.md says: it may be killed at any moment, and goes on where it was.

    python3 -m consume.poller CONNINFO STORE SQL PAUSE

SQL is the file with the statements of the document, STORE an SQLite database with the orders that have arrived and the
position. One poll is stored in one transaction. PAUSE is in seconds."""
import contextlib
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

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

    def take(self, answer: str) -> None:
        """Stores what one poll has answered: the figures, then a line for each order."""
        figures, *rows = answer.rstrip("\n").split("\n")
        oldest_running, own_xid, reached, _ = figures.split("|")
        with self._transaction():
            added = sum(self._sqlite.execute("INSERT OR IGNORE INTO orders VALUES (?, ?)",
                                             (row.split("|", 1)[0], row)).rowcount for row in rows)
            state = self.state().after(int(oldest_running), int(own_xid), reached, len(rows) - added)
            self._sqlite.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?)", state)

    @contextlib.contextmanager
    def _transaction(self):
        self._sqlite.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._sqlite.execute("ROLLBACK")
            raise
        self._sqlite.execute("COMMIT")


def poll(conninfo: str, store: Store, sql: str) -> bool:
    """False if the transaction has not ended well: the next poll asks the same. A warning counts too: it may say that the
    commit has not waited for the standbys."""
    command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-v", f"position={store.state().position}", "-d", conninfo]
    done = subprocess.run(command, input=sql, capture_output=True, text=True)
    if done.returncode != 0 or done.stderr:
        print(done.stderr, file=sys.stderr, flush=True)
        return False
    store.take(done.stdout)
    return True


def main() -> None:
    conninfo, path, sql, pause = sys.argv[1:]
    store, text = Store(Path(path)), Path(sql).read_text()
    while True:
        poll(conninfo, store, text)
        time.sleep(float(pause))


if __name__ == "__main__":
    main()
