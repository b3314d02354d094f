"""The failure table of docs/OPERATIONS.md is the list of the faults, one to one: a fault without a row is one that
operators know nothing about, and a row without a fault is one that nobody has tried."""
import re
import unittest
from collections import Counter

from chaos.faults import GROUPS, KINDS
from chaos.world import ROOT

OPERATIONS = ROOT / "docs" / "OPERATIONS.md"
SECTION = re.compile(r"^## What can fail\n(.*?)^## ", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"^\| fault \|.*\| case \|\n\|[-|]+\|\n((?:\|.*\|\n)+)", re.MULTILINE)
CASE = re.compile(r"\| `([a-z_]+)` \|$")


def tables(text: str) -> list[list[str]]:
    """The rows of each table of the section; there is one for each group."""
    section = SECTION.search(text)
    return [found.splitlines() for found in TABLE.findall(section[1])] if section else []


def case_of(row: str) -> str:
    found = CASE.search(row)
    return found[1] if found else f"(no case: {row[:60]})"


class FailureTable(unittest.TestCase):
    def setUp(self) -> None:
        self.tables = [[case_of(row) for row in rows] for rows in tables(OPERATIONS.read_text(encoding="utf-8"))]

    def test_each_fault_has_one_row_and_each_row_one_fault(self) -> None:
        rows = Counter(case for table in self.tables for case in table)
        self.assertEqual({case: count for case, count in rows.items() if count > 1}, {}, "a fault with two rows")
        self.assertEqual(set(KINDS) - set(rows), set(), "faults without a row in docs/OPERATIONS.md, What can fail")
        self.assertEqual(set(rows) - set(KINDS), set(), "rows of docs/OPERATIONS.md, What can fail, without a fault")

    def test_each_group_has_one_table_in_the_order_of_the_groups(self) -> None:
        groups = [{KINDS[case].group for case in table if case in KINDS} for table in self.tables]
        self.assertEqual(groups, [{group} for group in GROUPS])

    def test_every_cell_is_filled(self) -> None:
        for rows in tables(OPERATIONS.read_text(encoding="utf-8")):
            for row in rows:
                cells = [cell.strip() for cell in row.strip("|").split("|")]
                self.assertEqual(len(cells), 4, row)
                self.assertTrue(all(cells), row)


class Reading(unittest.TestCase):
    """A table that cannot be read must not pass for one without faults."""

    def test_a_row_without_a_case_is_told(self) -> None:
        head = "## What can fail\n\n| fault | the service | clients see | case |\n|---|---|---|---|\n"
        text = f"{head}| a | b | c | d |\n\n## Next\n"
        self.assertEqual([case_of(row) for row in tables(text)[0]], ["(no case: | a | b | c | d |)"])

    def test_no_section_has_no_tables(self) -> None:
        self.assertEqual(tables("## Other\n"), [])


if __name__ == "__main__":
    unittest.main()
