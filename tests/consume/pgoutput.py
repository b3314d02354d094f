"""Reads what pg_recvlogical has written with the plugin pgoutput: the orders of all whole messages of a file.

    python3 tests/consume/pgoutput.py FILE...

prints a line for each order: a JSON object with the value of each column as text, or null.

A message has no length of its own, so each kind has to be read to its end. After each message there is a line end. A
file whose writer was killed may end anywhere."""
import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

Order = dict[str, str | None]  # a value by its column's name


class Torn(Exception):
    """The file ends within a message."""


class Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def more(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise Torn
        self._at += size
        return self._data[self._at - size:self._at]

    def number(self, code: str) -> int:
        return int(struct.unpack(f"!{code}", self.take(struct.calcsize(f"!{code}")))[0])

    def text(self) -> str:
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise Torn
        return self.take(end + 1 - self._at)[:-1].decode()


def orders_of(path: Path) -> Iterator[Order]:
    """ValueError if a message is of a kind that an INSERT-only publication does not send."""
    reader = Reader(path.read_bytes())
    columns: dict[int, list[str]] = {}  # of each relation, by its oid
    try:
        while reader.more():
            order = _message(reader, columns)
            if reader.take(1) != b"\n":
                raise ValueError(f"{path.name}: no line end after a message")
            if order is not None:
                yield order
    except Torn:
        return


def _message(reader: Reader, columns: dict[int, list[str]]) -> Order | None:
    kind = reader.take(1)
    if kind == b"I":
        return _insert(reader, columns)
    if kind == b"R":
        _relation(reader, columns)
    elif kind in SIZES:
        reader.take(SIZES[kind])
    elif kind == b"Y":  # a type that is not the server's own
        reader.number("I")
        reader.text(), reader.text()
    elif kind == b"O":
        reader.number("Q")
        reader.text()
    else:
        raise ValueError(f"a message of the kind {kind!r}")
    return None


SIZES = {b"B": 8 + 8 + 4, b"C": 1 + 8 + 8 + 8}  # Begin and Commit


def _relation(reader: Reader, columns: dict[int, list[str]]) -> None:
    oid = reader.number("I")
    reader.text(), reader.text(), reader.take(1)  # schema, table, replica identity
    names = []
    for _ in range(reader.number("H")):
        reader.take(1)  # flags
        names.append(reader.text())
        reader.take(8)  # type and its modifier
    columns[oid] = names


def _insert(reader: Reader, columns: dict[int, list[str]]) -> Order:
    names = columns[reader.number("I")]
    if reader.take(1) != b"N":
        raise ValueError("an Insert without a new row")
    values = [_value(reader) for _ in range(reader.number("H"))]
    return dict(zip(names, values, strict=True))


def _value(reader: Reader) -> str | None:
    kind = reader.take(1)
    if kind == b"t":
        return reader.take(reader.number("I")).decode()
    if kind == b"n":
        return None
    raise ValueError(f"a value of the kind {kind!r}")


def main() -> int:
    if len(sys.argv) < 2:
        print("usage: pgoutput.py FILE...", file=sys.stderr)
        return 2
    for name in sys.argv[1:]:
        for order in orders_of(Path(name)):
            print(json.dumps(order, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
