"""The commands of the documents, as they stand there.

A command is a line of an indented or fenced block, with the lines that belong to it; a span in backticks that begins with one of
PROGRAMS; or, in the files of COMMENTED, a line of a comment that begins so. In a block with prompts ("$ ") the lines below a
command are its output."""
import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md", "docs/clients/README.md", "docs/runbooks/*.md")
COMMENTED = ("docker/*.yaml", "docker/Dockerfile", "docker/kubernetes/*.yaml", "docker/kubernetes/monitoring/*.yaml",
             "packaging/ordersd.default")
PROGRAMS = ("apt|apt-get|cc|cmake|coredumpctl|createdb|createuser|ctest|curl|date|df|docker|docker-compose|export|gdb|getent|go|install|java|journalctl|jq|"
            "kill|kubectl|load_\\w+|man|node|npm|openssl|ordersd|pg_dump|pg_isready|pg_recvlogical|pg_restore|pkg-config|promtool|"
            "ps|psql|python3|sort|ss|sudo|sysctl|systemctl|systemd-run|time|ulimit|ALTER|CREATE|DELETE|DROP|GRANT|INSERT|SELECT|SHOW|UPDATE|VACUUM")
BEGINS = re.compile(rf"(?:[A-Z_]+=\S* )*(?:(?:{PROGRAMS}) (?!and\b)\S|(?:\./|build/\w+/|scripts/|load/|tests/\w+/)(?:[\w./-]+ |[\w-]+$))")
FENCED = re.compile(r"^(?:<!-- (?:sql|sh): (?P<mark>\w+) -->\n)?```(?P<language>\w*)\n(?P<fenced>.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?:    .*\n)(?:\n*    .*\n)*")
SPAN = re.compile(r"`([^`]+)`")
COMMENT = re.compile(r"^# {1,3}(\S.*)$", re.MULTILINE)


class Command(NamedTuple):
    page: str
    line: int
    kind: str  # block, span, comment, or sql: a whole block of SQL
    text: str
    output: str = ""
    mark: str = ""  # of the block
    begins: str = ""  # the first line of the block

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def bare(self) -> str:
        """Without the comment behind it."""
        return re.sub(r"\s+# [^'\"]*$", "", self.text)


def is_whole(text: str) -> bool:
    """Does bash see a whole command? Of a here-document without an end it only warns."""
    read = subprocess.run(["bash", "-n"], input=text + "\n", capture_output=True, text=True, check=False)
    return read.returncode == 0 and not read.stderr and not text.endswith("\\")


def split(lines: list[str]) -> Iterator[tuple[int, str, str]]:
    """The commands of a block: the index of the first line, the command, its output. What bash cannot read is one command."""
    prompts = any(line.startswith("$ ") for line in lines)
    at = 0
    while at < len(lines):
        first, text = at, lines[at].removeprefix("$ ")
        at += 1
        if not text.strip() or text.startswith("#"):
            continue
        while at < len(lines) and not is_whole(text):
            text += "\n" + lines[at]
            at += 1
        end = at
        while prompts and end < len(lines) and not lines[end].startswith("$ "):
            end += 1
        yield first, text, "\n".join(lines[at:end]).strip()
        at = end


def blocks(text: str) -> Iterator[tuple[int, str, str, str]]:
    """Where a block begins, its language, its mark and its text without the indent."""
    for found in FENCED.finditer(text):
        yield found.start("fenced"), found["language"], found["mark"] or "", found["fenced"]
    for found in INDENTED.finditer(without(FENCED, text)):
        yield found.start(), "", "", re.sub(r"^    ", "", found[0], flags=re.MULTILINE)


def without(pattern: re.Pattern[str], text: str) -> str:
    """The text with blanks in place of what matches, so that all else stays where it is."""
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def of_text(page: str, text: str) -> Iterator[Command]:
    def line(at: int) -> int:
        return text.count("\n", 0, at) + 1

    for at, language, mark, block in blocks(text):
        lines = block.rstrip("\n").split("\n")
        if language == "sql":
            yield Command(page, line(at), "sql", block.strip(), mark=mark, begins=lines[0])
            continue
        for index, command, output in split(lines):
            yield Command(page, line(at) + index, "block", command, output, mark, lines[0])
    for found in SPAN.finditer(without(FENCED, text)):
        span = " ".join(found[1].split())
        if BEGINS.match(span):
            yield Command(page, line(found.start()), "span", span)


def of_comments(page: str, text: str) -> Iterator[Command]:
    for found in COMMENT.finditer(text):
        if BEGINS.match(found[1]):
            yield Command(page, text.count("\n", 0, found.start()) + 1, "comment", found[1])
    for found in SPAN.finditer(text):
        if BEGINS.match(found[1]):
            yield Command(page, text.count("\n", 0, found.start()) + 1, "span", found[1])


@functools.cache
def every() -> tuple[Command, ...]:
    found: list[Command] = []
    for patterns, read in ((PAGES, of_text), (COMMENTED, of_comments)):
        for path in [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]:
            found += read(str(path.relative_to(ROOT)), path.read_text())
    return tuple(found)
