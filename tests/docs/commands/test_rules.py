"""Every command of the documents is run by a test, and no rule is left over."""
import os
import re
import unittest
from pathlib import Path

from commands.documents import ROOT, every, of_text
from commands.rules import LISTS, RULES, Here, Nowhere, There, files_of, is_list, rule_of

WHAT_TO_DO = "no rule of tests/docs/commands/rules.py says which test runs it. Let a session of that folder run it (Here), or name the test that does (There)"
MOST_NOWHERE = 10
BUILD = Path(os.environ["BUILD"])


def tests_of_build() -> set[str]:
    return {name for path in BUILD.rglob("CTestTestfile.cmake") for name in re.findall(r"\badd_test\((?:\[=*\[)?([\w.-]+)", path.read_text())}


def runs(who: There, mark: str) -> list[str]:
    """The essential parts that no file of the test has."""
    essential = [part.replace("{mark}", mark or "no mark") for part in who.essential]
    texts = files_of(who)
    return [part for part in essential if not any(re.search(part, text, re.MULTILINE) for text in texts)]


class Rules(unittest.TestCase):
    def setUp(self) -> None:
        self.commands = [command for command in every() if not is_list(command)]

    def test_every_command_has_a_rule(self) -> None:
        self.assertGreater(len(self.commands), 300)
        without = [f"{command.place}: {command.bare}" for command in self.commands if rule_of(command) is None]
        if without:
            self.fail("\n" + "\n".join(without) + "\n" + WHAT_TO_DO)

    def test_every_rule_has_a_command(self) -> None:
        used = {rule_of(command) for command in self.commands}
        self.assertEqual([rule for rule in RULES if rule not in used], [], "rules for commands that no document has: remove them")
        firsts = {(command.page, first) for command in every() for first in LISTS.get(command.page, ()) if command.begins.startswith(first)}
        self.assertEqual({(page, first) for page, of_page in LISTS.items() for first in of_page} - firsts, set(), "LISTS has blocks that no document has")

    def test_the_other_tests_run_them(self) -> None:
        tests = tests_of_build()
        self.assertGreater(len(tests), 100)
        for command in self.commands:
            rule = rule_of(command)
            if rule and isinstance(rule.who, There):
                with self.subTest(command.place, text=command.text):
                    self.assertEqual(runs(rule.who, command.mark), [], f"{rule.who.file} does not run it as the document has it")
                    is_there = rule.who.test in tests or (ROOT / rule.who.test).is_file() or is_optional(rule.who.test, tests)
                    self.assertTrue(is_there, f"there is no test {rule.who.test}")

    def test_few_run_nowhere(self) -> None:
        nowhere = {command.text: rule.who.reason for command in self.commands if (rule := rule_of(command)) and isinstance(rule.who, Nowhere)}
        for text, reason in sorted(nowhere.items()):
            print(f"run by no test: {text}: {reason}")
        self.assertLessEqual(len(nowhere), MOST_NOWHERE, "find a test for one of them")

    def test_every_session_is_there(self) -> None:
        sessions = {rule.who.session for rule in RULES if isinstance(rule.who, Here)}
        files = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
        self.assertEqual(files - {"test_rules"}, {f"test_{session}" for session in sessions})


def is_optional(test: str, tests: set[str]) -> bool:
    """Tests that need node are left out of a build where it is missing."""
    return test.startswith("kubernetes_") and not any(name.startswith("kubernetes_") for name in tests)


class Extraction(unittest.TestCase):
    PAGE = """Text with `curl -s a |
jq .` and `orders`, and `psql` alone.

    $ cat <<'END'
    a

    END
    a
    $ true

    first && \\
      second   # why
    psql -c "SELECT 1,
      2"

<!-- sql: name -->
```sql
SELECT 1;
SELECT 2;
```
"""

    def test_what_is_found(self) -> None:
        found = [(command.line, command.kind, command.text, command.output, command.mark) for command in of_text("page", self.PAGE)]
        self.assertEqual(found, [
            (18, "sql", "SELECT 1;\nSELECT 2;", "", "name"),
            (4, "block", "cat <<'END'\na\n\nEND", "a", ""),
            (9, "block", "true", "first && \\\n  second   # why\npsql -c \"SELECT 1,\n  2\"", ""),
            (1, "span", "curl -s a | jq .", "", ""),
        ])
        described = next(iter(of_text("page", "    scripts/test --all   # before each release\n")))
        self.assertEqual(described.bare, "scripts/test --all")


if __name__ == "__main__":
    unittest.main()
