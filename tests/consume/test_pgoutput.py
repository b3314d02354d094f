"""The reader of pgoutput: whole messages, and a file that ends anywhere."""
import json
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from consume import pgoutput
from consume.pgoutput import orders_of

BEGIN = b"B" + bytes(20)
COMMIT = b"C" + bytes(25)
RELATION = (b"R" + struct.pack("!I", 7) + b"public\0orders\0d" + struct.pack("!H", 2) +
            b"\1order_id\0" + bytes(8) + b"\0metadata\0" + bytes(8))


def insert(order_id: str, metadata: str | None) -> bytes:
    values = b"".join(b"n" if value is None else b"t" + struct.pack("!I", len(value.encode())) + value.encode()
                      for value in (order_id, metadata))
    return b"I" + struct.pack("!I", 7) + b"N" + struct.pack("!H", 2) + values


MESSAGES = [BEGIN, RELATION, insert("1", None), insert("2", '{"a":"\n'), COMMIT]
ORDERS = [{"order_id": "1", "metadata": None}, {"order_id": "2", "metadata": '{"a":"\n'}]


class Reads(unittest.TestCase):
    def setUp(self) -> None:
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "1.pgoutput"

    def orders(self, data: bytes) -> list[dict[str, str | None]]:
        self.path.write_bytes(data)
        return list(orders_of(self.path))

    def test_all_orders(self) -> None:
        self.assertEqual(self.orders(b"".join(message + b"\n" for message in MESSAGES)), ORDERS)

    def test_a_file_that_ends_anywhere(self) -> None:
        data = b"".join(message + b"\n" for message in MESSAGES)
        for end in range(len(data)):
            found = self.orders(data[:end])
            self.assertEqual(found, ORDERS[:len(found)], end)

    def test_the_program_prints_a_line_for_each_order(self) -> None:
        self.path.write_bytes(b"".join(message + b"\n" for message in MESSAGES))
        printed = subprocess.run([sys.executable, pgoutput.__file__, self.path, self.path], check=True, capture_output=True, text=True)
        self.assertEqual([json.loads(line) for line in printed.stdout.splitlines()], ORDERS * 2)
        self.assertEqual(subprocess.run([sys.executable, pgoutput.__file__], check=False, capture_output=True).returncode, 2)

    def test_a_message_that_an_insert_only_publication_does_not_send(self) -> None:
        with self.assertRaisesRegex(ValueError, "kind b'T'"):
            self.orders(b"T\n")


if __name__ == "__main__":
    unittest.main()
