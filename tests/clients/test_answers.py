"""What a client does after each kind of answer. CLIENT names the client, and WORK the folder of programs that are built."""
import os
import re
import socket
import subprocess
import unittest
from collections.abc import Sequence
from pathlib import Path

from clients import programs
from clients.scripted import Request, Server, Step, cut, error, page, refusal, results, stored

CLIENT, WORK = os.environ["CLIENT"], Path(os.environ["WORK"])
RUN_S = 120  # a client that takes longer hangs
AGAIN = re.compile(r"again: (\d+) orders in (\d+\.\d+) s: (.*)")

DOWN = ("database_down", "not_accepted", True)
IN_DOUBT = error("commit_unknown", "unknown", True)


class Course:
    """One run of the client against a script."""

    def __init__(self, url: str, *arguments: object, env: dict[str, str] | None = None) -> None:
        done = subprocess.run(programs.command(CLIENT, WORK, url, "desk", *arguments), cwd=programs.FOLDER,
                              env=programs.environment(WORK, env), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=RUN_S, check=False)
        self.code, self.printed, self.said = done.returncode, done.stdout.split(), done.stderr.splitlines()

    def pauses(self) -> list[tuple[int, float, str]]:
        """How many orders are repeated, after how many seconds, and why."""
        found = filter(None, map(AGAIN.fullmatch, self.said))
        return [(int(match[1]), float(match[2]), match[3]) for match in found]

    def given_up(self) -> list[str]:
        return [line for line in self.said if not line.startswith("again: ")]


class Answers(unittest.TestCase):
    def play(self, steps: Sequence[Step], *arguments: object, env: dict[str, str] | None = None) -> tuple[Course, list[Request]]:
        server = Server(steps)
        self.addCleanup(server.close)
        course = Course(server.url, *arguments, env=env)
        self.assertEqual(len(server.script.requests), len(steps), course.said)
        self.check_documents(server.script.requests)
        return course, server.script.requests

    def check_documents(self, requests: Sequence[Request]) -> None:
        """An order is the same in each request, and its decimals are strings."""
        seen: dict[str, dict] = {}
        for order in (order for request in requests for order in request.orders):
            self.assertEqual(seen.setdefault(order["client_order_id"], order), order)
            self.assertEqual((order["account_id"], order["quantity"]), ("desk", "0.100000000000000005"))
            self.assertRegex(order["limit_price"], r"\A1[0-9]\.[0-9]{2}\Z")

    @staticmethod
    def ids(request: Request) -> list[str]:
        return [order["client_order_id"] for order in request.orders]

    def test_orders_that_are_stored_are_printed(self) -> None:
        course, asked = self.play([results(201, (201, None), (201, None)), results(200, (200, None))], 3, 2)
        self.assertEqual((course.code, course.said), (0, []))
        self.assertEqual(course.printed, self.ids(asked[0]) + self.ids(asked[1]))
        self.assertEqual(len(set(course.printed)), 3)
        self.assertEqual({request.path for request in asked}, {"/v1/orders/batch"})

    def test_one_by_one(self) -> None:
        course, asked = self.play([stored(201), stored(200)], 2, 1)
        self.assertEqual((course.code, course.said), (0, []))
        self.assertEqual({request.path for request in asked}, {"/v1/orders"})
        self.assertEqual(course.printed, self.ids(asked[0]) + self.ids(asked[1]))

    def test_a_batch_is_repeated_whole_after_a_refusal_for_now_and_without_an_answer(self) -> None:
        course, asked = self.play([refusal(503, *DOWN, 1), cut, page(502), refusal(429, "rate_limited", None, True, 1), page(408),
                                   results(201, (201, None), (201, None))], 2, 2)
        self.assertEqual((course.code, course.given_up()), (0, []))
        self.assertEqual([self.ids(request) for request in asked], [course.printed] * 6)
        self.assertEqual([(count, why) for count, _, why in course.pauses()], [
            (2, "503 database_down"), (2, "no answer"), (2, "502"), (2, "429 rate_limited"), (2, "408")])

    def test_the_pause_is_not_shorter_than_the_service_asks_for(self) -> None:
        lock = error("commit_timeout", "not_accepted", True, retry_after_ms=700)
        course, _ = self.play([refusal(503, *DOWN, 2), results(207, (201, None), (503, lock)), results(200, (200, None))], 2, 2)
        self.assertEqual(course.code, 0)
        header, member = course.pauses()
        self.assertGreaterEqual(header[1], 2)
        self.assertGreaterEqual(member[1], 0.7)

    def test_of_a_207_only_what_is_open_is_repeated(self) -> None:
        invalid = error("invalid_order", "not_accepted", False)
        lock = error("commit_timeout", "not_accepted", True, retry_after_ms=1)
        course, asked = self.play([results(207, (201, None), (422, invalid), (504, IN_DOUBT), (503, lock), (200, None)),
                                   results(201, (201, None), (201, None))], 5, 5)
        first, second = self.ids(asked[0]), self.ids(asked[1])
        self.assertEqual(second, [first[2], first[3]])
        self.assertEqual(sorted(course.printed), sorted([first[0], first[2], first[3], first[4]]))
        self.assertEqual((course.code, course.given_up()), (1, [f"not stored {first[1]}: 422 invalid_order"]))

    def test_a_refused_batch_has_results_of_its_orders(self) -> None:
        """All orders have the status 422 or 503: then the request has it too, and its document has the results."""
        def refused(status: int, *items: tuple) -> Step:
            def step(orders: list) -> object:
                found = results(status, *items)(orders).document["results"]
                return refusal(status, "batch_refused", "not_accepted", items[0][1]["retryable"], results=found)(orders)
            return step
        stale, invalid = error("stale_order", "not_accepted", False), error("invalid_order", "not_accepted", False)
        lock, memory = error("commit_timeout", "not_accepted", True), error("out_of_memory", "not_accepted", True)
        course, asked = self.play([refused(422, (422, stale), (422, invalid)), refused(503, (503, lock), (503, memory)),
                                   results(201, (201, None), (201, None))], 4, 2)
        first = self.ids(asked[0])
        self.assertEqual(course.given_up(), [f"not stored {first[0]}: 422 stale_order", f"not stored {first[1]}: 422 invalid_order"])
        self.assertEqual((course.code, course.printed), (1, self.ids(asked[2])))

    def test_a_refusal_of_one_order_is_not_repeated(self) -> None:
        course, asked = self.play([refusal(422, "invalid_order", "not_accepted", False), refusal(500, "internal_error",
                                   "not_accepted", False), page(413), stored(201)], 4, 1)
        names = [self.ids(request)[0] for request in asked]
        self.assertEqual(course.given_up(), [f"not stored {names[0]}: 422 invalid_order",
                                             f"not stored {names[1]}: 500 internal_error", f"not stored {names[2]}: 413"])
        self.assertEqual((course.code, course.printed), (1, [names[3]]))

    def test_an_order_in_doubt_stays_in_doubt_when_a_later_attempt_is_refused(self) -> None:
        course, asked = self.play([refusal(504, "commit_unknown", "unknown", True), refusal(422, "stale_order", "not_accepted", False),
                                   refusal(500, "internal_error", "unknown", True),
                                   refusal(422, "client_order_id_reused", "not_accepted", False)], 2, 1)
        self.assertEqual(course.given_up(), [f"unknown {self.ids(asked[0])[0]}: 422 stale_order",
                                             f"not stored {self.ids(asked[2])[0]}: 422 client_order_id_reused"])
        self.assertEqual((course.code, course.printed), (1, []))

    def test_after_the_deadline_the_client_gives_up(self) -> None:
        """It does not wait for a moment beyond the deadline, and sends no further batch."""
        course, asked = self.play([refusal(503, *DOWN, 30)], 4, 2, 5)
        self.assertEqual(course.said, [f"not stored {name}: 503 database_down" for name in self.ids(asked[0])])
        self.assertEqual((course.code, course.printed), (1, []))

    def test_nobody_listens(self) -> None:
        with socket.socket() as held:  # bound and not listening: nobody else can take the port
            held.bind(("127.0.0.1", 0))
            course = Course(f"http://127.0.0.1:{held.getsockname()[1]}", 1, 1, 1)
        self.assertEqual((course.code, course.printed), (1, []))
        self.assertRegex("\n".join(course.given_up()), r"\Aunknown \S+: no answer\Z")

    def test_the_key_is_a_bearer_token(self) -> None:
        _, asked = self.play([stored(201)], 1, 1, env={"ORDERSD_KEY": "k3y"})
        self.assertEqual(asked[0].headers["Authorization"], "Bearer k3y")
        _, asked = self.play([stored(201)], 1, 1)
        self.assertNotIn("Authorization", asked[0].headers)


if __name__ == "__main__":
    unittest.main()
