"""Runs the commands of the documents by bash, as a reader does, and compares what they print."""
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from chaos.process import run

HANGS_S = 120
STATUS = re.compile(r"HTTP/1\.1 \d{3} ")
# What differs from run to run, where a document shows an answer: it has one value for each that the document has.
VARYING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z")
LEFT_OUT = "…"


class Answer(NamedTuple):
    code: int
    out: str
    err: str


class Shell:
    """Commands run in `folder`. curl fails where HTTP says that a request failed, unless it shows the head (-i)."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self._strict = folder / "curl"
        self._strict.mkdir()
        (self._strict / ".curlrc").write_text("fail\nshow-error\nno-progress-meter\nmax-time = 60\n")
        self.env = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(folder), **env}

    async def run(self, text: str, given: str = "", **more: str) -> Answer:
        strict = {} if " -i " in text else {"CURL_HOME": str(self._strict)}
        whole = f"set -o pipefail\ncd {shlex.quote(str(self.folder))}\n{text}"
        return Answer(*await run(["/bin/bash", "-c", whole], timeout_s=HANGS_S, env={**self.env, **strict, **more}, text=given))

    async def must(self, text: str, given: str = "", **more: str) -> str:
        """Its output; it must succeed, and complain of nothing."""
        answer = await self.run(text, given, **more)
        if answer.code != 0 or complaints(answer.err):
            raise AssertionError(f"{text}\nended with {answer.code}: {answer.out[-1000:]}\n{answer.err[-2000:]}")
        return answer.out


def complaints(err: str) -> list[str]:
    """Lines on standard error that are neither curl's progress, nor a log of ordersd without warnings, nor openssl's or time's own."""
    return [line for line in err.splitlines() if re.search(r"error|fail|warn|invalid|cannot|no such|not found|unrecognized|usage", line, re.IGNORECASE)
            and not (line.startswith("{") and json.loads(line)["level"] in ("info", "debug"))]


class Shown:
    """The answers that a document shows against those of this run, in their order."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}  # the values of this run, by those of the document

    def fault(self, shown: str, got: str) -> str | None:
        """What is wrong. If the document shows a head, it shows some of the header lines, and then the body."""
        got = got.replace("\r", "").strip()
        if STATUS.match(shown):
            head, _, shown = shown.partition("\n\n")
            got_head, _, got = got.partition("\n\n")
            for line in head.splitlines():
                if not any(self._same(line, other) for other in got_head.splitlines()):
                    return f"no line {line!r} in {got_head!r}"
        return None if self._same(shown.strip(), got.strip()) else f"the document shows {shown!r}, and here is {got!r}"

    def _same(self, shown: str, got: str) -> bool:
        parts = re.split(rf"({VARYING.pattern}|{LEFT_OUT})", shown)
        pattern, values = "", []
        for part in parts:
            if part == LEFT_OUT:
                pattern = re.sub(r"(\\ )$", "", pattern) + ".*?"
            elif VARYING.fullmatch(part):
                values.append(part)
                pattern += re.escape(self._now[part]) if part in self._now else f"({VARYING.pattern})"
            else:
                pattern += re.escape(part.removeprefix(" ") if pattern.endswith(".*?") else part)
        found = re.fullmatch(pattern, got, re.DOTALL)
        if found:
            self._now.update(zip([value for value in dict.fromkeys(values) if value not in self._now], found.groups()))
        return found is not None


# ---- greps and jq ----

def alternatives(pattern: str) -> Iterator[str]:
    """Of a pattern of grep -E: one pattern for each choice among its alternatives, so that none of them is dead."""
    depth, start = 0, None
    for at, char in enumerate(pattern):
        escaped = at > 0 and pattern[at - 1] == "\\"
        if char == "(" and not escaped:
            depth += 1
            start = at if depth == 1 else start
        elif char == ")" and not escaped:
            depth -= 1
            if depth == 0 and start is not None:
                for inner in top(pattern[start + 1:at]):
                    for choice in alternatives(inner):
                        for rest in alternatives(pattern[at + 1:]):
                            yield f"{pattern[:start]}({choice}){rest}"
                return
    yield pattern


def top(text: str) -> list[str]:
    """The alternatives that are in no parentheses."""
    found, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += char
    return found


def filters(last: str) -> Iterator[str]:
    """Of the last command of a pipeline: each alternative of a grep alone, and whether the members are there that jq takes."""
    if found := re.fullmatch(r"grep -E '([^']*)'", last):
        for choice in alternatives(found[1]):
            yield f"grep -E {shlex.quote(choice)}"
    if found := re.match(r"jq (?:-r )?'?(?:\{([\w, ]+)\}|((?:\.\w+(?:, )?)+))", last):
        members = re.findall(r"\w+", found[1]) if found[1] else [part.split(".")[1] for part in found[2].split(", ") if part]
        for name in members:
            yield f"jq -e 'has(\"{name}\")'"


def probe(text: str) -> str | None:
    """A command that succeeds if every one of these filters finds something in what the last command of the pipeline is given."""
    before, _, last = text.rpartition(" | ")
    wanted = list(filters(last)) if before else []
    checks = [f"{wanted_one} <<<\"$given\" >/dev/null || {{ echo error: nothing for {shlex.quote(wanted_one)} >&2; exit 1; }}" for wanted_one in wanted]
    return "\n".join([f"given=$({before}) || exit 1", *checks]) if wanted else None
