"""HAProxy with the shipped configuration: the parts that need no replica."""
import http.client
import tempfile
import unittest
from pathlib import Path

from chaos.balancer import HAProxy, missing
from chaos.sandbox import free_port
from chaos.world import ROOT


@unittest.skipIf(missing(), missing())
class Hosts(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.port = free_port()
        shipped = ROOT / "docker/haproxy/haproxy.cfg"
        self.haproxy = HAProxy(shipped, self.port, [free_port()], folder, folder / "log")
        await self.haproxy.start()

    async def asyncTearDown(self) -> None:
        await self.haproxy.stop()

    def status_for(self, host: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", "/v1/orders", "{}", {"Host": host})
            return connection.getresponse().status
        finally:
            connection.close()

    async def test_only_known_hosts_are_passed_on(self) -> None:
        for host in ("localhost", "LOCALHOST:8080", "127.0.0.1", "[::1]:8080", "balancer"):
            self.assertEqual(self.status_for(host), 503, host)  # it was passed on, to a replica that is not there
        for host in ("evil.example", "localhost.evil.example", "evil.example:8080", ""):
            self.assertEqual(self.status_for(host), 421, host)


if __name__ == "__main__":
    unittest.main()
