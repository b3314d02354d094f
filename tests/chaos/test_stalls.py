"""A machine that stands still exempts what is late, and nothing that was promised."""
import unittest

from chaos.handmade import post, rules
from chaos.stalls import Heart


class Stalls(unittest.TestCase):
    def setUp(self):
        self.heart = Heart()

    def test_a_beat_in_time_is_no_stall(self):
        self.heart.note(1.0, 2.0)
        self.assertEqual(self.heart.exemptions(), [])

    def test_a_stall_exempts_what_is_late(self):
        self.heart.note(5.0, 12.0)
        late = post(1, 13, "unknown", end="deadline")
        late.bound = 10.0
        self.assertEqual(rules({}, late, exempt=tuple(self.heart.exemptions())), [])

    def test_a_stall_is_in_the_timeline(self):
        said = []
        Heart(said.append).note(5.0, 12.0)
        self.assertEqual(len(said), 1)
        self.assertIn("stood still for 7.0 s", said[0])

    def test_a_stall_exempts_nothing_else(self):
        self.heart.note(0.5, 12.0)
        exemptions = tuple(self.heart.exemptions())
        self.assertEqual(rules({}, post(1, 2, "created"), exempt=exemptions), ["lost"])
        self.assertEqual(rules({}, post(1, 2, "unknown", end="closed"), exempt=exemptions), ["unanswered"])


if __name__ == "__main__":
    unittest.main()
