"""The SQL in the sources: string literals of the preprocessed files that begin as a statement does, and the migrations."""
import re
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("store", "pqpool")
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*')
VERBS = ("SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|COPY|TRUNCATE|BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET|RESET|SHOW|"
         "CREATE|ALTER|DROP|EXPLAIN|LOCK|PREPARE|EXECUTE|DEALLOCATE|DISCARD|DECLARE|FETCH|LISTEN|NOTIFY|VACUUM|ANALYZE|CALL|DO")
BEGINS = re.compile(rf"(?:{VERBS})\b")
# Literals that begin so and are no SQL: command tags and parts of texts.
NOT_SQL = {"INSERT 0 1", "SET CONSTRAINTS", "CREATE TABLE", "CREATE PUBLICATION", "LOCK TABLE"}


def normal(sql: str) -> str:
    """Without comments, and with single blanks."""
    return " ".join(re.sub(r"--[^\n]*", "", sql).split())


def preprocessed(path: Path) -> str:
    flags = shlex.split(subprocess.run(["pkg-config", "--cflags", "libpq"], check=True, capture_output=True, text=True).stdout)
    command = ["cc", "-std=gnu17", "-E", "-P", "-I", str(ROOT / "src"), *flags, str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def literals(text: str) -> list[str]:
    """Adjacent literals are one, as for the compiler."""
    parts = (re.findall(r'"((?:[^"\\]|\\.)*)"', found) for found in STRINGS.findall(text))
    return ["".join(part).encode().decode("unicode_escape") for part in parts]


def in_code() -> dict[str, str]:
    """Each statement, and the beginning of each statement that is put together at run time, with its file."""
    found: dict[str, str] = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / "src" / folder).glob("*.c")):
            for text in literals(preprocessed(path)):
                sql = normal(text.lstrip("; "))
                if BEGINS.match(sql) and sql not in NOT_SQL:
                    found[sql] = path.name
    return found


def in_migrations() -> dict[str, str]:
    return {normal(part): path.name for path in sorted((ROOT / "src/store/migrations").glob("*.sql"))
            for part in re.split(r";\n|;$", path.read_text()) if normal(part)}


def prepared_names() -> set[str]:
    """The names under which statements are prepared."""
    return set(re.findall(r'^ +"(ordersd_\w+)",$', (ROOT / "src/store/statement_text.c").read_text(), re.MULTILINE))


def as_pattern(sql: str) -> "re.Pattern[str]":
    """What printf() makes of it."""
    parts = re.split(r"%(?:\d*|\.\d+)(?:[sud]|zu|llu)", sql)
    return re.compile(".*?".join(re.escape(part.replace("%%", "%")) for part in parts))
