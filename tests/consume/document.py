"""The commands and the SQL of docs/CONSUMING.md, as they stand there: the fenced block below "<!-- sql: NAME -->" or
"<!-- sh: NAME -->".

    PYTHONPATH=tests python3 -m consume.document NAME

prints the block NAME."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "CONSUMING.md"
BLOCK = re.compile(r"^<!-- (sql|sh): (\w+) -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> dict[str, str]:
    """By name."""
    found: dict[str, str] = {}
    for kind, name, language, text in BLOCK.findall(PAGE.read_text()):
        if kind != language or name in found:
            raise ValueError(f"{PAGE.name}: the block {name} is there twice, or is no {kind}")
        found[name] = text
    return found


def block(name: str, **replaced: str) -> str:
    """`replaced` are texts of the block to be replaced, such as interval="1 second": each must be in the block, by the
    value that REPLACED has for it."""
    text = blocks()[name]
    for what, new in replaced.items():
        old = REPLACED[what]
        if old not in text:
            raise ValueError(f"{PAGE.name}: the block {name} has no {old!r}")
        text = text.replace(old, new)
    return text


REPLACED = {"room": "60 seconds"}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in blocks():
        print(f"usage: python3 -m consume.document NAME, which is one of: {', '.join(sorted(blocks()))}", file=sys.stderr)
        return 2
    print(block(sys.argv[1]), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
