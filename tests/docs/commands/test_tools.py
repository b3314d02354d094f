"""Commands of the checkout that take minutes: builds, test runs, chaos, measurements. Each is asked for what it would do, so that the
names and options of the documents are its own; rules.py and the folders of tests have the real runs."""
import functools
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from commands.documents import ROOT, every
from commands.rules import of_session

BUILD = Path(os.environ["BUILD"])
HANGS_S = 120
FUZZ_USAGE = "usage: scripts/fuzz [SECONDS] [TARGET...]"


@functools.cache
def output(*argv: str, code: int = 0, cwd: Path = ROOT, **env: str) -> str:
    ran = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=HANGS_S, check=False,
                         env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200", **env})
    if ran.returncode != code:
        raise AssertionError(f"{shlex.join(argv)} ended with {ran.returncode}: {ran.stdout[-500:]}{ran.stderr[-1000:]}")
    return ran.stdout + ran.stderr


def options(words: list[str]) -> list[str]:
    return [word.split("=")[0] for word in words if word.startswith("--")]


class Tools(unittest.TestCase):
    def cmake(self, words: list[str]) -> None:
        """The preset is one of those that cmake shows, and what is built with it has rules for that."""
        kind = "build" if "--build" in words else "configure"
        preset = words[words.index("--preset") + 1]
        known = re.findall(r'^ +"(\w+)"', output("cmake", f"--list-presets={kind}"), re.MULTILINE)
        self.assertIn(preset, known)
        self.assertEqual(len(words), 4 if kind == "build" else 3, "more than a preset: rules.py")

    def ctest(self, words: list[str]) -> None:
        """It would run some tests of this build. -N only shows them; it does so from another folder, since a ctest may run in this one."""
        at = words.index("--preset")
        self.assertIn(f'"{words[at + 1]}"', output("ctest", "--list-presets"))
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "CTestTestfile.cmake").write_text(f'subdirs("{BUILD}")\n')
            shown = output("ctest", "--test-dir", folder, "-N", *words[1:at], *words[at + 2:])
        self.assertGreater(int(re.search(r"^Total Tests: (\d+)$", shown, re.MULTILINE)[1]), 0, shown[-300:])

    def chaos(self, words: list[str]) -> None:
        """A run shows its schedule; the other commands have the options."""
        if len(words) == 1 or words[1].startswith("--"):
            self.assertRegex(output(*words, "--schedule"), r"\d s|\d{2}")
        else:
            shown = output(*words[:2], "--help")
            self.assertTrue(shown.startswith(f"usage: {' '.join(words[:2])} "), shown[:200])
            self.has_options(words, shown)
            self.assertLessEqual(set(words[2:3]) - set(options(words)), {"NAME"}, "a name: let it be compared with --list")

    def alone(self, words: list[str]) -> None:
        self.has_options(words, output(*words[:3], "--help", PYTHONPATH="tests"))

    def measure(self, words: list[str]) -> None:
        """The names of scenarios and systems are those that it has."""
        self.has_options(words, output(words[0], "--help"))
        shown = set(re.findall(r"[\w-]+", output(words[0], "--list")))
        for name in ",".join(words[words.index(what) + 1] for what in ("--scenarios", "--systems") if what in words).split(","):
            self.assertTrue(not name or name in shown, name)

    def costs(self, words: list[str]) -> None:
        self.has_options(words, output(words[0], "--help"))

    def fuzz(self, words: list[str]) -> None:
        """Asked for no time at all, it looks whether the target is there, and ends."""
        self.assertTrue(all(word.isdigit() for word in words[1:2]))
        self.assertIn(FUZZ_USAGE, output(words[0], "0", *words[2:], code=1))

    def deps(self, words: list[str]) -> None:
        """With a dpkg that has every package, nothing is missing, and apt is not asked."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in ("dpkg-query", "echo installed"), ("apt-get", "exit 1"), ("sudo", "exit 1"):
                path = Path(folder, name)
                path.write_text(f"#!/bin/sh\n{text}\n")
                path.chmod(0o755)
            self.assertIn("nothing is missing", output(*words, PATH=f"{folder}:{os.environ['PATH']}"))

    def migrations(self, words: list[str]) -> None:
        """In a copy of the tree: a migration without a hash gets one, and the others keep theirs."""
        with tempfile.TemporaryDirectory() as folder:
            ledger = Path(folder, "tests/docs/migrations.txt")
            for part in "tests/docs", "src/store/migrations":
                shutil.copytree(ROOT / part, Path(folder, part))
            before = ledger.read_text().splitlines(True)
            ledger.write_text("".join(before[:-1]))
            output(*words, cwd=Path(folder))
            self.assertEqual(ledger.read_text(), "".join(before))

    def has_options(self, words: list[str], shown: str) -> None:
        for option in options(words[1:]):
            self.assertRegex(shown, rf"(?<![\w-]){option}\b(?!-)")

    BY_PROGRAM = {"cmake": cmake, "ctest": ctest, "scripts/chaos": chaos, "python3": alone, "load/run": measure, "tests/costs/costs": costs,
                  "scripts/fuzz": fuzz, "scripts/deps": deps, "tests/docs/migrations": migrations}

    def test_commands(self) -> None:
        commands = of_session("tools", every())
        tried: set[str] = set()
        for command in commands:
            for part in command.text.split(" && "):
                words = [word for word in shlex.split(part, comments=True)]
                while re.match(r"\w+=", words[0]):
                    words.pop(0)
                line = shlex.join(words)
                if line not in tried:
                    tried.add(line)
                    with self.subTest(command.place, text=line):
                        self.BY_PROGRAM[words[0]](self, words)
        self.assertGreater(len(tried), 25)
        print(f"{len(tried)} commands of builds, test runs, chaos and measurements are as the documents have them")


if __name__ == "__main__":
    unittest.main()
