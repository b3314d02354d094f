"""docs/clients/list_orders.sh prints every order of a list of several pages, once and in order. ORDERSD is the service's program."""
import http.client
import json
import os
import subprocess
import unittest
from pathlib import Path

from chaos.world import World, WorldOptions
from clients import programs

ORDERSD, WORK = Path(os.environ["ORDERSD"]), Path(os.environ["WORK"])
ACCOUNT, DAYS, ORDERS_OF_DAY = "desk", ("2026-11-22", "2026-11-23", "2026-11-24"), 1001
HANGS_S = 60
USAGE, HTTP_ERROR = 2, 22  # of list_orders.sh, and of curl


def ids_of(day: str) -> list[str]:
    return [f"{day}/{n:04}" for n in range(ORDERS_OF_DAY)]


class List(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.world = World(WorldOptions(seed="clients/list", program=ORDERSD))
        self.addAsyncCleanup(self.world.close)
        await self.world.start()

    def post(self, ids: list[str]) -> None:
        orders = [{"account_id": ACCOUNT, "client_order_id": name, "symbol": "ACME", "side": "buy", "type": "market",
                   "quantity": "1"} for name in ids]
        connection = http.client.HTTPConnection("127.0.0.1", self.world.replicas[0].port, timeout=HANGS_S)
        connection.request("POST", "/v1/orders/batch", "\n".join(map(json.dumps, orders)),
                           {"Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 201, answer.read()[:500])
        connection.close()

    def run_list(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        host, port = self.world.http[0]
        return subprocess.run(["./list_orders.sh", f"http://{host}:{port}", *arguments], cwd=programs.FOLDER,
                              env=programs.environment(WORK), capture_output=True, text=True, timeout=HANGS_S, check=False)

    def expect(self, wanted: list[str], *arguments: str) -> None:
        run = self.run_list(*arguments)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual([json.loads(line)["client_order_id"] for line in run.stdout.splitlines()], wanted)

    async def test_every_order_once_and_in_order(self) -> None:
        for day in reversed(DAYS):
            self.post(list(reversed(ids_of(day))))
        self.expect([name for day in DAYS for name in ids_of(day)], ACCOUNT)
        self.expect(ids_of(DAYS[1]), ACCOUNT, f"{DAYS[1]}/")
        self.expect([], ACCOUNT, "2026-11-25/")
        self.expect([], "nobody")

    async def test_a_page_that_does_not_come(self) -> None:
        refused = self.run_list(ACCOUNT, "%25")
        self.assertEqual((refused.returncode, refused.stdout), (HTTP_ERROR, ""))
        self.assertIn("422", refused.stderr)
        self.assertEqual(self.run_list().returncode, USAGE)


if __name__ == "__main__":
    unittest.main()
