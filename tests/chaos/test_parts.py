"""Parts of the world that need no process."""
import tempfile
import unittest
from pathlib import Path

from chaos import balancer, runs, service
from chaos.world import ROOT, Exclusive


class TestParts(unittest.TestCase):
    def test_the_shipped_configuration_of_haproxy_gets_addresses(self) -> None:
        text = balancer.configuration((ROOT / "docker/haproxy/haproxy.cfg").read_text(), 7000, [7001, 7002])
        self.assertIn("bind 127.0.0.1:7000", text)
        self.assertIn("server replica-1 127.0.0.1:7002", text)
        self.assertNotIn("resolvers", text)
        self.assertIn("retry-on conn-failure", text)
        with self.assertRaises(ValueError):
            balancer.configuration("frontend orders\n", 7000, [7001])

    def test_events_are_the_lines_of_a_log(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            log.write_text('{"event":"a"}\nno json\n{"event":"b"}\n')
            self.assertEqual([e["event"] for e in service.events_of(log)], ["a", "text", "b"])
            self.assertEqual([e["event"] for e in service.events_of(log, 22)], ["b"])
            self.assertEqual(service.events_of(Path(folder) / "none"), [])

    def test_metrics(self) -> None:
        found = service.parse_metrics('# TYPE a gauge\na 1\nb{c="d e"} 2.5e3\n')
        self.assertEqual(found, {"a": 1.0, 'b{c="d e"}': 2500.0})

    def test_what_is_held_is_taken(self) -> None:
        exclusive = Exclusive()
        exclusive._held |= {"primary"}
        self.assertEqual(exclusive.taken(frozenset({"primary", "standby"})), {"primary"})

    def test_command_line(self) -> None:
        self.assertEqual(runs.seeds("3-5"), ["3", "4", "5"])
        self.assertEqual(runs.seeds("a-b"), ["a-b"])
        self.assertEqual(runs.without(["--seed", "1", "--x", "--repeat=3", "y"], "--seed", "--repeat"), ["--x", "y"])

    def test_a_broken_promise_is_worse_than_trouble(self) -> None:
        self.assertEqual([runs.worst(codes) for codes in ([0, 77], [77], [0, 1, 3], [0, -9])], [0, 77, 1, 3])


if __name__ == "__main__":
    unittest.main()
