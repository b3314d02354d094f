"""The document and the tests agree: every block is marked, and every block that it has is run by a test."""
import re
import unittest
from pathlib import Path

from consume.document import PAGE, block, blocks

HERE = Path(__file__).parent


class Document(unittest.TestCase):
    def test_every_block_is_marked(self) -> None:
        fences = re.findall(r"^```\w+$", PAGE.read_text(), re.MULTILINE)
        self.assertEqual(len(fences), len(blocks()))
        self.assertGreater(len(fences), 5)

    def test_every_block_is_run(self) -> None:
        sources = "".join(path.read_text() for path in HERE.glob("*.py") if path.name != Path(__file__).name)
        run = set(re.findall(r"(?:block|shell|run_block)\([\"'](\w+)[\"']", sources))
        self.assertEqual(run, set(blocks()))

    def test_what_is_replaced_must_be_there(self) -> None:
        self.assertIn("'7 seconds'", block("poll", room="7 seconds"))
        with self.assertRaises(ValueError):
            block("slot", room="7 seconds")

    def test_programs_that_the_document_names_are_there(self) -> None:
        for path in re.findall(r"`((?:tests|load)/[\w/.]+)`", PAGE.read_text()):
            self.assertTrue((HERE.parents[1] / path).exists(), path)


if __name__ == "__main__":
    unittest.main()
