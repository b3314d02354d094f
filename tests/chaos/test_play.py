"""A recovery that does not come is a finding, unless another fault is there. Time is made up: no test waits."""
import asyncio
import random
import selectors
import unittest
from unittest import mock

from chaos import clock, play, results, wait
from chaos.faults import Fault
from chaos.history import History
from chaos.schedule import Planned
from chaos.world import Exclusive


class Nothing(Fault):
    """Is there, and does nothing."""
    kind, group = "nothing", "kill"

    def __init__(self, seconds: float, nothing: str | None = None) -> None:
        super().__init__(random.Random(1))
        self.seconds, self.nothing = seconds, nothing

    async def inject(self, world: object) -> str:
        return "done"

    async def heal(self, world: object) -> str | None:
        return self.nothing


class FakeWorld:
    """One replica that is ready, and whose clients have no answers."""

    def __init__(self) -> None:
        self.replicas = [mock.Mock()]
        self.replicas[0].name = "ordersd-0"
        self.exclusive = Exclusive()
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    async def ready(self) -> bool:
        return True


class Jumps(selectors.DefaultSelector):
    """Instead of waiting it sets the clock forward."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += max(0.0, timeout or 0.0)
        return super().select(0)


def played(*planned: Planned) -> play.Play:
    selector = Jumps()
    loop = asyncio.SelectorEventLoop(selector)
    made = play.Play(FakeWorld(), History(0.0), planned)
    with mock.patch.object(loop, "time", lambda: selector.now), \
            mock.patch.object(clock, "now", loop.time), mock.patch.object(wait.time, "monotonic", loop.time):
        loop.run_until_complete(made.all())
    loop.close()
    return made


class TestRecovery(unittest.TestCase):
    def test_none_though_no_fault_is_there(self) -> None:
        made = played(Planned(0.0, Nothing(5.0)))
        self.assertEqual([text.partition(":")[0] for text in made.stuck], ["nothing"])

    def test_none_while_another_fault_is_there(self) -> None:
        made = played(Planned(0.0, Nothing(5.0)), Planned(1.0, Nothing(100.0)))
        self.assertEqual(len(made.stuck), 1)
        self.assertIn("with nothing there", made._world.notes[-3])
        self.assertTrue(all(record.overlapped for record in made.records))

    def test_a_fault_that_hit_nothing_is_not_counted(self) -> None:
        made = played(Planned(0.0, Nothing(5.0, "nobody was there")))
        self.assertEqual(made.records[0].state, results.NO_EFFECT)
        self.assertIn("nothing: nobody was there", made._world.notes)

    def test_what_holds_requests_does_so_until_the_recovery(self) -> None:
        holds, plain = Nothing(5.0), Nothing(5.0)
        holds.holds = True
        made = played(Planned(0.0, holds), Planned(90.0, plain))
        self.assertEqual([(round(began), round(ended)) for began, ended in made.holds()], [(0, 65)])

    def test_no_fault_begins_while_a_recovery_is_slow(self) -> None:
        made = played(Planned(0.0, Nothing(5.0)), Planned(30.0, Nothing(5.0)))
        first, second = made.records
        self.assertEqual([record.state for record in made.records], [results.INJECTED] * 2)
        self.assertGreaterEqual(second.began or 0.0, (first.healed or 0.0) + play.RECOVERY_S)


if __name__ == "__main__":
    unittest.main()
