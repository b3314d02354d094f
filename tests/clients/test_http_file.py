"""docs/clients/orders.http: each request is answered as the file says. ORDERSD is the service's program."""
import http.client
import os
import re
import unittest
from pathlib import Path
from typing import NamedTuple

from chaos.world import World, WorldOptions
from clients.programs import FOLDER

ORDERSD = Path(os.environ["ORDERSD"])
VARIABLE = re.compile(r"^@(\w+) = (.*)$", re.MULTILINE)
BLOCK = re.compile(r"### (?P<title>.*)\n# answer: (?P<status>\d+)\n(?P<method>[A-Z]+) (?P<url>\S+)\n"
                   r"(?P<headers>(?:[\w-]+: .*\n)*)(?:\n(?P<body>[^#]*))?")


class Asked(NamedTuple):
    title: str
    status: int
    method: str
    path: str
    headers: dict[str, str]
    body: str


def read(text: str) -> list[Asked]:
    """An editor replaces the variables, and so does this. The base is left out of the urls."""
    first, *blocks = re.split(r"(?m)^(?=###)", text)
    variables = dict(VARIABLE.findall(first)) | {"base": ""}
    return [asked(re.sub(r"\{\{(\w+)\}\}", lambda match: variables[match[1]], block)) for block in blocks]


def asked(block: str) -> Asked:
    found = BLOCK.fullmatch(block)
    if found is None:
        raise ValueError(f"not a request: {block}")
    headers = dict(line.split(": ", 1) for line in found["headers"].splitlines())
    return Asked(found["title"], int(found["status"]), found["method"], found["url"], headers, (found["body"] or "").strip())


class HttpFile(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.world = World(WorldOptions(seed="clients/http", program=ORDERSD))
        self.addAsyncCleanup(self.world.close)
        await self.world.start()

    async def test_answers(self) -> None:
        requests = read((FOLDER / "orders.http").read_text())
        self.assertGreater(len(requests), 5)
        for request in requests:
            connection = http.client.HTTPConnection("127.0.0.1", self.world.replicas[0].port, timeout=60)
            connection.request(request.method, request.path, request.body or None, request.headers)
            answer = connection.getresponse()
            body = answer.read().decode()
            connection.close()
            self.assertEqual(answer.status, request.status, f"{request.title}: {body[:500]}")


if __name__ == "__main__":
    unittest.main()
