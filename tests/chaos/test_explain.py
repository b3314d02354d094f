"""The timeline of a failing run has what somebody needs who was not there."""
import unittest
from datetime import datetime, timezone

from chaos.audit import audit
from chaos.explain import explain
from chaos.handmade import EPOCH, ID, A, B, post
from chaos.history import History


def logged(at, event, **members):
    moment = datetime.fromtimestamp(EPOCH + at, timezone.utc)
    return 0, {"ts": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "level": "warn", "event": event, **members}


class Explained(unittest.TestCase):
    def setUp(self):
        self.lost = post(40, 41, "created")
        self.history = History.of([self.lost, post(1, 2, "created", cid="2"), post(45, 46, "reused", B)], EPOCH)
        self.violations = audit(self.history, {})
        timeline = [(2.0, "lock_table: locked"), (39.0, "kill_primary: killed pid 7"), (200.0, "the end")]
        events = [logged(39.1, "pool.conn_lost", error="server closed"), logged(1.0, "pool.connected"),
                  logged(39.2, "http.answer", request_id="chaos-0", status=503),
                  logged(90.0, "http.answer", request_id=self.lost.request_id, status=500),
                  (0, {"event": "text", "text": "no moment"})]
        self.text = explain(self.history, self.violations, timeline, events)

    def test_the_first_of_each_rule_is_told(self):
        self.assertIn("BROKEN PROMISES: 3", self.text)
        self.assertEqual(self.text.count("LOST at"), 1)
        self.assertIn("LOST at 2.000 s, acc/2", self.text)

    def test_the_requests_of_the_id_are_there(self):
        text = explain(self.history, [v for v in self.violations if v.cid == "1"], [], [])
        self.assertIn(f"#{self.lost.n} single by c", text)
        self.assertIn(f"201 created {ID}", text)
        self.assertIn("422 reused client_order_id_reused", text)
        self.assertIn(str(A), text)
        self.assertIn(str(B), text)

    def test_faults_and_logs_around_it_are_in_one_timeline(self):
        timeline, events = [(39.0, "kill_primary")], [logged(39.1, "pool.conn_lost"), logged(1.0, "pool.connected")]
        mine = self.lost.request_id
        events += [logged(90.0, "http.answer", request_id=mine), logged(39.2, "http.answer", request_id="chaos-0")]
        lines = explain(self.history, [v for v in self.violations if v.cid == "1"], timeline, events).splitlines()
        told = [line.split("  ", 3)[-1] for line in lines if line.startswith("    ")]
        wanted = ["kill_primary", "replica-0: pool.conn_lost", ">>> LOST", f"replica-0: http.answer of {mine}"]
        places = [next(i for i, line in enumerate(told) if part in line) for part in wanted]
        self.assertEqual(places, sorted(places))
        self.assertFalse([line for line in told if "pool.connected" in line or "chaos-0" in line])

    def test_what_a_log_repeats_is_told_once(self):
        events = [logged(39.1 + i / 100, "group.retry", orders=i) for i in range(7)]
        text = explain(self.history, [v for v in self.violations if v.cid == "1"], [], events)
        self.assertEqual(text.count("group.retry"), 1)
        self.assertIn("(7 times in a second)", text)

    def test_a_long_timeline_keeps_what_is_near_and_what_is_of_the_id(self):
        last = self.violations[-1]
        timeline = [(last.at - 15.0 + i / 30, f"note-{i}.") for i in range(500)]
        text = explain(self.history, [last], timeline, []).split("ALL NOTES")[0]
        shown = [float(line.split()[0]) for line in text.splitlines() if " note-" in line]
        self.assertIn(">>>", text)
        self.assertIn(f"request #{self.lost.n} (", text)
        self.assertLess(max(last.at - moment for moment in shown), 9.0)
        self.assertIn("lines that are further", text)

    def test_nothing_was_broken(self):
        self.assertIn("NO PROMISE WAS BROKEN", explain(self.history, [], [], []))


if __name__ == "__main__":
    unittest.main()
