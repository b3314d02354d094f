"""Abusive clients: python3 -m chaos.faults.abusive_clients storm|drip|deaf PORT,... COUNT SEED. Runs until killed.

Each of them is one coroutine. What they send stores nothing: the audit knows nothing of them."""
import asyncio
import contextlib
import random
import resource
import socket
import sys

from chaos.proxy import die_with_parent

# Refused with 4xx, whole or not: no order, and no id that anybody uses.
NO_ORDER = (b'{"account_id":"abuse","client_order_id":"none","symbol":"ACME","side":"neither","type":"market",'
            b'"quantity":"1"}')
HEAD = b"POST /v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
REQUEST = HEAD % len(NO_ORDER) + NO_ORDER
ASKING = b"GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n"  # the largest answer that needs no database


async def storm(port: int, rng: random.Random) -> None:
    """Connects at once, asks once or not at all, and begins anew when it has stayed a while, or later when it is thrown
    out."""
    pause = rng.uniform(0.2, 1)
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5)
        try:
            if rng.random() < 0.5:
                writer.write(REQUEST)
            await asyncio.wait_for(reader.read(-1), rng.uniform(1, 8))
        except asyncio.TimeoutError:
            pause = rng.uniform(0, 0.2)
        finally:
            writer.transport.abort()
    await asyncio.sleep(pause)


async def drip(port: int, rng: random.Random) -> None:
    """Sends one request, some bytes at a time, and slower than any client that means it."""
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 5)
        try:
            for at in range(0, len(REQUEST) - 1, 3):
                writer.write(REQUEST[at:at + 3])
                await writer.drain()
                await asyncio.sleep(rng.uniform(0.05, 0.5))
        finally:
            writer.transport.abort()
    await asyncio.sleep(rng.uniform(0, 0.3))


async def deaf(port: int, rng: random.Random) -> None:
    """Asks again and again on one connection, and reads nothing, with a small buffer."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with sock, contextlib.suppress(OSError, asyncio.TimeoutError):
        await asyncio.wait_for(loop.sock_connect(sock, ("127.0.0.1", port)), 5)
        for _ in range(20):
            await asyncio.wait_for(loop.sock_sendall(sock, ASKING), 5)
            await asyncio.sleep(rng.uniform(0.1, 1))
    await asyncio.sleep(rng.uniform(0, 0.3))


ACTS = {"storm": storm, "drip": drip, "deaf": deaf}


async def one(act: str, port: int, rng: random.Random) -> None:
    while True:
        await ACTS[act](port, rng)


async def main(act: str, ports: list[int], count: int, seed: str) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    async with asyncio.TaskGroup() as group:
        for n in range(count):
            group.create_task(one(act, ports[n % len(ports)], random.Random(f"{seed}/{n}")))


if __name__ == "__main__":
    die_with_parent()
    asyncio.run(main(sys.argv[1], [int(port) for port in sys.argv[2].split(",")], int(sys.argv[3]), sys.argv[4]))
