"""The previous release, built from the history of this repository: the commit in previous.txt is the only place that
names it. A build is kept in a folder named after its commit, so it is made once."""
import asyncio
import os
import pathlib
import shutil

from chaos.world import ROOT

BUILD_S = 1200


class Missing(Exception):
    """The previous release cannot be built here; the text says why. The test is skipped."""


def commit() -> str:
    lines = (pathlib.Path(__file__).parent / "previous.txt").read_text().splitlines()
    return next(line.strip() for line in lines if line.strip() and not line.startswith("#"))


async def program(builds: pathlib.Path) -> pathlib.Path:
    """The program of the previous release, under the folder `builds`."""
    wanted = commit()
    folder = builds / f"previous-{wanted[:12]}"
    made = folder / "build" / "ordersd"
    if not made.exists():
        await _build(wanted, folder)
    return made


async def _build(wanted: str, folder: pathlib.Path) -> None:
    """In a folder that gets its name when the build is whole, so that no half of one is ever taken for the program."""
    if shutil.which("git") is None:
        raise Missing(f"git is not installed, and commit {wanted} of this repository is needed")
    if await _run("git", "-C", str(ROOT), "cat-file", "-e", f"{wanted}^{{commit}}"):
        raise Missing(f"the history of this checkout has no commit {wanted}: it is a copy without history, or shallow")
    part = folder.with_name(f"{folder.name}.part.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    source, build = part / "source", part / "build"
    source.mkdir(parents=True)
    launcher = ["-D", "CMAKE_C_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    steps = [
        ["sh", "-c", f"git -C '{ROOT}' archive {wanted} | tar -x -C '{source}'"],
        ["cmake", "-G", "Ninja", "-S", str(source), "-B", str(build), "-D", "CMAKE_BUILD_TYPE=Debug",
         "-D", "ORDERSD_TESTS=OFF", *launcher],
        ["nice", "cmake", "--build", str(build), "--target", "ordersd"],
    ]
    try:
        for step in steps:
            failure = await _run(*step)
            if failure:
                raise RuntimeError(f"the previous release, {wanted}, does not build: {step[0]}: {failure[-2000:]}")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


async def _run(*command: str) -> str:
    """Empty when the command ends with 0, else what it printed."""
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    try:
        output, _ = await asyncio.wait_for(child.communicate(), BUILD_S)
    except asyncio.TimeoutError:
        child.kill()
        await child.wait()
        return f"not done after {BUILD_S} s"
    return "" if child.returncode == 0 else output.decode(errors="replace") or f"status {child.returncode}"
