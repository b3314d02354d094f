"""What means something else on Citus than on PostgreSQL, or is refused or slow there, as it was measured with Citus 13.2
and PostgreSQL 15. `orders` is distributed by account_id."""
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from portable.log import Entry

ORDERS = r'(?:ONLY )?(?:\w+\.)?orders\b(?!_)'
INSERTS = re.compile(rf"\bINSERT INTO {ORDERS}", re.IGNORECASE)
WRITES = re.compile(rf"\b(?:INSERT INTO|UPDATE|DELETE FROM) {ORDERS}", re.IGNORECASE)

# A statement that matches is wrong, because ...
WRONG = {
    "a generic plan of INSERT ... SELECT unnest($1) is refused with 0A000": r"force_generic_plan",
    "COPY has no ON CONFLICT, and reports a duplicate key as XX000": rf"\bCOPY {ORDERS}",
    "a SELECT beside a CTE that writes sees the new rows": r"\bAS (?:NOT )?(?:MATERIALIZED )?\( ?(?:INSERT|UPDATE|DELETE|MERGE)\b",
    "whether xmax = 0 tells new rows from old ones is not known": r"\bON CONFLICT\b.*\bDO UPDATE\b|\bxmax\b",
    "a unique constraint must have the distribution column":
        rf"CREATE UNIQUE INDEX \S+ ON {ORDERS}[^(]*\((?![^)]*account_id)"
        rf"|(?:CREATE|ALTER) TABLE {ORDERS}.*\b(?:UNIQUE|PRIMARY KEY)\b(?! ?\([^)]*account_id)",
    "a conflict in REPEATABLE READ or SERIALIZABLE is 40001, and shards have no common snapshot":
        r"\bISOLATION LEVEL (?:REPEATABLE READ|SERIALIZABLE)|'(?:repeatable read|serializable)'",
    "an outer join of the keys with orders is five times slower": rf"\b(?:LEFT|FULL|RIGHT) (?:OUTER )?JOIN {ORDERS}",
    "a distributed table has no ctid of its own": r"\bctid\b",
    "the tables with the rows have other names": r"\bFROM (?:ONLY )?orders_(?:p?\d)",
}


def wrong_alone(entry: Entry) -> Iterator[str]:
    for why, pattern in WRONG.items():
        if re.search(pattern, entry.sql, re.IGNORECASE):
            yield why
    for part in entry.sql.split("; "):
        if INSERTS.search(part) and not re.search(r"\bRETURNING\b", part):
            yield "the command tag counts the source rows: only RETURNING tells which are new"
        if INSERTS.search(part) and not re.search(r"\bON CONFLICT\b", part):
            yield "without ON CONFLICT a duplicate key may be XX000"


def wrong_together(entries: Iterable[Entry]) -> Iterator[tuple[Entry, str]]:
    """Statements of the extended protocol between two Syncs are one transaction on PostgreSQL. On Citus one that writes to
    one shard is committed at once, unless there is a BEGIN. (Statements that the simple protocol sends together are in a
    transaction block on Citus too.)"""
    transactions: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        transactions[entry.transaction].append(entry)
    for of_one in transactions.values():
        begun = any(re.match(r"BEGIN|START TRANSACTION", entry.sql) for entry in of_one)
        if not begun and len(of_one) > 1:
            yield from ((entry, "it is in a pipeline without BEGIN, and Citus may commit it alone")
                        for entry in of_one if WRITES.search(entry.sql) and not entry.is_simple)


def faults(entries: Iterable[Entry]) -> list[str]:
    all_entries = list(entries)
    found = [(entry, why) for entry in all_entries for why in wrong_alone(entry)]
    return sorted({f"{why}: {entry.sql[:200]}" for entry, why in [*found, *wrong_together(all_entries)]})
