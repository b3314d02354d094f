"""The programs of load/ that other tests do not run: the gate, and the trace of order_load. Their folder is in LOAD_BUILD."""
import http.server
import json
import os
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from bench.process import free_port

BUILD = Path(os.environ.get("LOAD_BUILD", "build/dev/load"))
DELAY_MS = 50


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while got := self.request.recv(65536):
            self.request.sendall(got)


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class TestGate(unittest.TestCase):
    def setUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        server = self.enterContext(Server(f"{folder}/socket", Echo))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        port = free_port()
        self.gate = subprocess.Popen([BUILD / "delay_gate", str(port), f"{folder}/socket", str(DELAY_MS * 1000)],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end)
        self.assertEqual(self.gate.stdout.readline(), b"ready\n")
        self.client = self.enterContext(socket.create_connection(("127.0.0.1", port)))

    def end(self) -> None:
        self.gate.stdin.close()
        self.assertEqual(self.gate.wait(10), 0)
        self.gate.stdout.close()

    def echoed(self, sent: bytes) -> bytes:
        threading.Thread(target=self.client.sendall, args=(sent,), daemon=True).start()
        got = b""
        while len(got) < len(sent):
            got += self.client.recv(1 << 20)
        return got

    def test_a_round_trip_takes_the_delay_at_least(self) -> None:
        begun = time.monotonic()
        self.assertEqual(self.echoed(b"question"), b"question")
        self.assertGreaterEqual(time.monotonic() - begun, DELAY_MS / 1000)

    def test_all_bytes_come_through_in_order_while_the_delay_changes(self) -> None:
        sent = bytes(range(256)) * 20000
        self.gate.stdin.write(b"1000\n")
        self.gate.stdin.flush()
        self.assertEqual(self.echoed(sent), sent)


class Created(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if hasattr(self.server, "bodies"):
            self.server.bodies.append(json.loads(body))
        self.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")

    def log_message(self, *_: object) -> None:
        pass


class TestTrace(unittest.TestCase):
    def test_a_line_each_100_ms(self) -> None:
        server = self.enterContext(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Created))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        with tempfile.NamedTemporaryFile("r") as trace:
            url = f"http://127.0.0.1:{server.server_port}"
            done = subprocess.run([BUILD / "order_load", "--url", url, "--connections", "2", "--seconds", "1", "--trace", trace.name,
                                   "--json"], capture_output=True, check=True, timeout=60)
            lines = [tuple(map(int, line.split())) for line in trace.read().splitlines()]
        acked = json.loads(done.stdout)["acked"]
        self.assertGreaterEqual(len(lines), 9)
        self.assertEqual([ms for ms, _ in lines], [100 * (i + 1) for i in range(len(lines))])
        self.assertTrue(0 < sum(acks for _, acks in lines) <= acked)


class TestSpread(unittest.TestCase):
    def posted(self, *options: str) -> tuple[list[dict[str, str]], list[str]]:
        """What order_load has sent over one connection, and which ids it says that were acknowledged."""
        server = self.enterContext(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Created))
        server.daemon_threads, server.bodies = True, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        with tempfile.NamedTemporaryFile("r") as acked:
            subprocess.run([BUILD / "order_load", "--url", f"http://127.0.0.1:{server.server_port}", "--connections", "1", "--seconds", "1",
                            "--prefix", "p-", "--acked", acked.name, *options], capture_output=True, check=True, timeout=60)
            return server.bodies, acked.read().splitlines()

    def test_accounts_by_turns_and_rising_ids(self) -> None:
        bodies, _ = self.posted("--accounts", "3", "--first", "7")
        self.assertGreater(len(bodies), 10)
        self.assertEqual([body["account_id"] for body in bodies[:4]], ["acct-000", "acct-001", "acct-002", "acct-000"])
        self.assertEqual([body["client_order_id"] for body in bodies[:2]], ["p-000000000007", "p-000000000008"])

    def test_many_accounts_of_which_one_is_hot(self) -> None:
        bodies, _ = self.posted("--accounts", "100000", "--hot", "5")
        self.assertEqual([body["account_id"] for body in bodies[4:7]], ["acct-000000", "acct-000005", "acct-000006"])

    def test_scattered_ids_differ_and_are_what_is_reported(self) -> None:
        bodies, acked = self.posted("--scatter")
        ids = [body["client_order_id"] for body in bodies]
        self.assertEqual(len(set(ids)), len(ids))
        self.assertNotEqual(sorted(ids), ids)
        self.assertLessEqual(set(acked), set(ids))
        self.assertEqual(ids[1], "p-618033988749")


if __name__ == "__main__":
    unittest.main()
