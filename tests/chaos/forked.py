"""Work that would hold up the event loop, and so the clients' clocks: done in a copy of the driver."""
import asyncio
import gc
import os
import pickle
import signal
import traceback
from collections.abc import Callable
from typing import TypeVar

from chaos.process import child_setup

T = TypeVar("T")


async def in_child(work: Callable[[], T], timeout_s: float) -> T:
    """The child sees all as it is now and changes nothing here. Its result comes back through a pipe."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(work, writer)
    os.close(writer)
    try:
        async with asyncio.timeout(timeout_s):
            data = await _read(reader)
        return _result(data)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _child(work: Callable[[], T], writer: int) -> None:
    try:
        child_setup(None, signal.SIGKILL)()
        os.nice(10)
        gc.freeze()  # a collection would write to, and so copy, all that is shared
        gc.disable()
        data = pickle.dumps((True, work()))
    except BaseException:
        data = pickle.dumps((False, traceback.format_exc()))
    with open(writer, "wb") as out:
        out.write(data)
    os._exit(0)


async def _read(fd: int) -> bytes:
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), open(fd, "rb"))
    try:
        return await stream.read()
    finally:
        transport.close()


def _result(data: bytes) -> T:
    if not data:
        raise RuntimeError("the child has ended without a result")
    good, value = pickle.loads(data)
    if not good:
        raise RuntimeError(f"in the child:\n{value}")
    return value
