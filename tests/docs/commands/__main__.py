"""python3 -m commands ORDERSD BUILD [TEST...]: runs the commands of the documents (test_*.py), of all or of the named ones, with this
program and this folder of a build with tests. Exit status 77, "skipped", if a program is missing that most of them need."""
import logging
import os
import shutil
import sys
import unittest
from pathlib import Path

NEEDED = ("bash", "cmake", "ctest", "curl", "jq", "openssl", "prometheus", "promtool", "ps", "psql", "ss")
HERE = Path(__file__).parent


def main() -> int:
    program, build, *names = sys.argv[1:]
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        print(f"SKIPPED: the commands of the documents are not run: {', '.join(missing)} missing (scripts/deps test installs them)")
        return 77
    os.environ.update(ORDERSD=program, BUILD=build)
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it tells of slow steps
    modules = [f"commands.test_{name}" for name in names] or [f"commands.{path.stem}" for path in sorted(HERE.glob("test_*.py"))]
    result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromNames(modules))
    return 0 if result.wasSuccessful() and result.testsRun >= len(modules) else 1


sys.exit(main())
