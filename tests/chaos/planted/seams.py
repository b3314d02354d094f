"""Does the program still call each function that a planted bug replaces, from another object file than its own?

The linker replaces undefined references only. A function that is gone breaks the link, but a function that nobody calls
any more, or only its own file, would leave the planted bug out without a word."""
import argparse
import subprocess
import sys


def undefined(nm: str, files: list[str]) -> set[str]:
    """The names that the objects and archives use and do not define in the same object."""
    out = subprocess.run([nm, "--undefined-only", "--format=just-symbols", *files], check=True, timeout=50,
                         stdout=subprocess.PIPE, text=True).stdout
    return set(out.split())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nm", required=True)
    parser.add_argument("--seams", nargs="+", required=True)
    parser.add_argument("--objects", nargs="+", required=True)
    args = parser.parse_args()
    used = undefined(args.nm, args.objects)
    gone = [name for name in args.seams if name not in used]
    for name in gone:
        print(f"no object file calls {name} of another one: plant the bug at another function")
    print(f"{len(args.seams) - len(gone)} of {len(args.seams)} functions can be replaced by the linker")
    return 1 if gone else 0


if __name__ == "__main__":
    sys.exit(main())
