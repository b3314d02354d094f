"""Waiting for a condition, always with a deadline."""
import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


class TooLate(Exception):
    """A condition did not come true before its deadline."""


async def until(condition: Callable[[], Any | Awaitable[Any]], seconds: float, what: str, pause: float = 0.05) -> Any:
    """Returns the first value of the condition that counts as true. The condition is asked once more at the end."""
    deadline = time.monotonic() + seconds
    while True:
        over = time.monotonic() >= deadline
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if over:
            raise TooLate(f"{what}: not within {seconds:g} s")
        await asyncio.sleep(pause)
