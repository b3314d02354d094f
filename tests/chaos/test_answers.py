"""What an answer says of each order, and what form an answer must have: by answers as the contract shows them."""
import json
import unittest

from chaos.answers import Answer, parse_answer
from chaos.handmade import A, B, ID, OTHER_ID, order
from chaos.history import Request

MOMENT = "2026-11-23T17:37:44.732312Z"
STORED = {"order_id": ID, "account_id": "acc", "client_order_id": "1", "symbol": "ACME", "side": "buy", "type": "limit",
          "quantity": "10", "limit_price": "12.5", "time_in_force": "day", "received_at": MOMENT, "status": "accepted"}


def parsed(kind, sent, status, document, headers=None, own=True):
    request = Request(7, "c", kind, 1.0, 2.0, sent=sent, request_id="chaos-7")
    media = "application/problem+json" if status >= 400 else "application/json"
    had = {"content-type": media, **({"x-request-id": "chaos-7"} if own else {}), **(headers or {})}
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    parse_answer(request, Answer(status, had, body))
    return request


def problem(status, code, outcome="not_accepted", retryable=True, **members):
    return {"type": f"urn:ordersd:problem:{code}", "title": "", "status": status, "code": code, "outcome": outcome,
            "instance": "urn:ordersd:request:chaos-7", "retryable": retryable, **members}


class Single(unittest.TestCase):
    def outcome(self, status, document, headers=None, own=True):
        request = parsed("single", [order()], status, document, headers, own)
        return request.flaw or request.verdicts[0].outcome

    def test_201(self):
        request = parsed("single", [order()], 201, STORED | {"replayed": False}, {"location": f"/v1/orders/{ID}"})
        verdict = request.verdicts[0]
        self.assertEqual((request.flaw, verdict.outcome, verdict.order_id, verdict.content), (None, "created", ID, A))
        self.assertAlmostEqual(verdict.received_at, 1795455464.732312, places=5)

    def test_200(self):
        self.assertEqual(self.outcome(200, STORED | {"replayed": True}, {"idempotent-replayed": "true"}), "replayed")

    def test_in_short(self):
        brief = {"order_id": ID, "status": "accepted", "replayed": False}
        headers = {"location": f"/v1/orders/{ID}", "preference-applied": "return=minimal"}
        self.assertEqual(self.outcome(201, brief, headers), "created")

    def test_form(self):
        good = {"location": f"/v1/orders/{ID}"}
        for why, document, headers in (
                ("of another order", STORED | {"replayed": False, "client_order_id": "2"}, good),
                ("a 201 that is a replay", STORED | {"replayed": True}, good),
                ("no Location", STORED | {"replayed": False}, {}),
                ("no UUID", STORED | {"replayed": False, "order_id": "7"}, {"location": "/v1/orders/7"}),
                ("another request", STORED | {"replayed": False}, good | {"x-request-id": "chaos-8"}),
                ("no JSON", b'{"order_id":', good), ("no order", {}, good), ("a list", [], good)):
            with self.subTest(why):
                request = parsed("single", [order()], 201, document, headers)
                self.assertIsNotNone(request.flaw)
                self.assertEqual(request.verdicts[0].outcome, "unknown")

    def test_refusals(self):
        retry = {"retry-after": "1"}
        for status, code, outcome, retryable, headers, wanted in (
                (503, "queue_full", "not_accepted", True, retry, "not_accepted"),
                (503, "commit_timeout", "not_accepted", True, retry, "not_accepted"),
                (503, "database_unavailable", "not_accepted", True, retry, "not_accepted"),
                (503, "shutting_down", "not_accepted", True, retry, "not_accepted"),
                (503, "shutting_down", "unknown", True, retry, "unknown"),
                (429, "rate_limited", "not_accepted", True, retry, "not_accepted"),
                (408, "request_timeout", "not_accepted", True, {}, "not_accepted"),
                (504, "commit_unknown", "unknown", True, {}, "unknown"),
                (500, "internal_error", "unknown", True, {}, "unknown"),
                (500, "internal_error", "not_accepted", False, {}, "refused"),
                (422, "invalid_order", "not_accepted", False, {}, "refused"),
                (422, "stale_order", "not_accepted", False, {}, "refused"),
                (422, "client_order_id_reused", "not_accepted", False, {}, "reused"),
                (400, "invalid_json", "not_accepted", False, {}, "refused")):
            with self.subTest(code=code, outcome=outcome):
                self.assertEqual(self.outcome(status, problem(status, code, outcome, retryable), headers), wanted)

    def test_form_of_refusals(self):
        for why, status, document, headers in (
                ("no Retry-After", 503, problem(503, "queue_full"), {}),
                ("another status", 503, problem(504, "queue_full"), {"retry-after": "1"}),
                ("no outcome", 422, {k: v for k, v in problem(422, "x").items() if k != "outcome"}, {}),
                ("unknown with 422", 422, problem(422, "invalid_order", "unknown"), {}),
                ("not_accepted with 504", 504, problem(504, "commit_unknown"), {}),
                ("instance of another request", 422, problem(422, "x") | {"instance": "urn:ordersd:request:y"}, {})):
            with self.subTest(why):
                self.assertIsNotNone(parsed("single", [order()], status, document, headers).flaw)

    def test_what_the_balancer_says(self):
        for status, outcome in ((502, "unknown"), (503, "not_accepted"), (504, "unknown")):
            document = {"type": "about:blank", "title": "", "status": status, "outcome": outcome, "retryable": True}
            request = parsed("single", [order()], status, document, {"retry-after": "1"}, own=False)
            self.assertEqual((request.flaw, request.verdicts[0].outcome), (None, outcome))
            self.assertEqual(request.code, f"balancer_{status}")

    def test_a_page_of_an_unknown_sender_says_nothing(self):
        request = parsed("single", [order()], 503, b"<html>", {"content-type": "text/html"}, own=False)
        self.assertEqual((request.flaw, request.verdicts[0].outcome, request.code), (None, "unknown", "bare_503"))

    def test_reused_tells_what_differs(self):
        document = problem(422, "client_order_id_reused", retryable=False, order_id=ID, differing_fields=["side"])
        verdict = parsed("single", [order(content=B)], 422, document).verdicts[0]
        self.assertEqual((verdict.order_id, verdict.differing), (ID, ("side",)))

    def test_validate_only(self):
        shown = {name: value for name, value in STORED.items() if name not in ("order_id", "received_at")}
        shown["status"] = "valid"
        request = parsed("validate", [order()], 200, shown)
        self.assertEqual((request.flaw, request.verdicts[0].outcome), (None, "valid"))


def item(index, status, cid, **members):
    members = {"order_id": members.pop("order_id", ID), "replayed": status == 200} if status < 300 else members
    return {"index": index, "status": status, "client_order_id": cid, **members}


def refused(index, status, cid, code, outcome="not_accepted", retryable=False):
    return item(index, status, cid, error={"code": code, "detail": "", "outcome": outcome, "retryable": retryable})


def summary(total, created=0, replayed=0, rejected=0, unknown=0):
    return {"total": total, "created": created, "replayed": replayed, "rejected": rejected, "unknown": unknown}


class Batch(unittest.TestCase):
    def parsed(self, status, document, kind="batch", n=2, headers=None):
        return parsed(kind, [order(str(i + 1)) for i in range(n)], status, document, headers)

    def test_mixed(self):
        results = [item(0, 201, "1"), refused(1, 503, "2", "queue_slow", retryable=True)]
        request = self.parsed(207, {"summary": summary(2, created=1, rejected=1), "results": results})
        self.assertEqual((request.flaw, [v.outcome for v in request.verdicts]), (None, ["created", "not_accepted"]))
        self.assertEqual([v.code for v in request.verdicts], [None, "queue_slow"])

    def test_lines(self):
        last = {"summary": summary(2, created=1, replayed=1)}
        lines = [item(0, 201, "1"), item(1, 200, "2", order_id=OTHER_ID), last]
        body = b"\n".join(json.dumps(line).encode() for line in lines) + b"\n"
        request = self.parsed(200, body, headers={"content-type": "application/x-ndjson"})
        self.assertEqual((request.flaw, [v.outcome for v in request.verdicts]), (None, ["created", "replayed"]))

    def test_refused_whole_before_it_was_queued(self):
        request = self.parsed(503, problem(503, "queue_full"), headers={"retry-after": "1"})
        self.assertEqual((request.flaw, {v.outcome for v in request.verdicts}), (None, {"not_accepted"}))

    def test_refused_whole_one_by_one(self):
        results = [refused(i, 504, str(i + 1), "commit_unknown", "unknown", True) for i in range(2)]
        document = problem(504, "commit_unknown", "unknown", summary=summary(2, unknown=2), results=results)
        request = self.parsed(504, document)
        self.assertEqual((request.flaw, {v.outcome for v in request.verdicts}), (None, {"unknown"}))

    def test_atomic_refused(self):
        results = [refused(0, 422, "1", "client_order_id_reused"), refused(1, 424, "2", "batch_refused")]
        document = problem(422, "batch_refused", summary=summary(2, rejected=2), results=results)
        request = self.parsed(422, document, "atomic")
        self.assertEqual((request.flaw, [v.outcome for v in request.verdicts]), (None, ["reused", "not_accepted"]))

    def test_form(self):
        one, two = item(0, 201, "1"), item(1, 201, "2", order_id=OTHER_ID)
        for why, status, results, counts in (
                ("a result too few", 201, [one], summary(2, created=2)),
                ("two of one index", 201, [one, one], summary(2, created=2)),
                ("out of order", 201, [two, one], summary(2, created=2)),
                ("ids of another order", 201, [one, item(1, 201, "3")], summary(2, created=2)),
                ("counted otherwise", 201, [one, two], summary(2, created=1, replayed=1)),
                ("207 for one status", 207, [one, two], summary(2, created=2)),
                ("201 for several", 201, [one, item(1, 200, "2")], summary(2, created=1, replayed=1))):
            with self.subTest(why):
                request = self.parsed(status, {"summary": counts, "results": results})
                self.assertIsNotNone(request.flaw)
                self.assertEqual({v.outcome for v in request.verdicts}, {"unknown"})


class Lookup(unittest.TestCase):
    def parsed(self, status, document, n=2, headers=None):
        return parsed("get", [order(str(i + 1), None) for i in range(n)], status, document, headers)

    def test_by_ids(self):
        request = self.parsed(200, {"orders": [STORED | {"replayed": False}], "not_found": ["2"]})
        self.assertEqual((request.flaw, [v.outcome for v in request.verdicts]), (None, ["found", "absent"]))

    def test_not_fetched(self):
        request = self.parsed(200, {"orders": [], "not_found": ["1"], "not_fetched": ["2"]})
        self.assertEqual([v.outcome for v in request.verdicts], ["absent", "not_fetched"])

    def test_by_order_id(self):
        self.assertEqual(self.parsed(200, STORED | {"replayed": False}, 1).verdicts[0].outcome, "found")
        absent = {k: v for k, v in problem(404, "order_not_found", retryable=False).items() if k != "outcome"}
        self.assertEqual(self.parsed(404, absent, 1).verdicts[0].outcome, "absent")

    def test_no_word(self):
        refusal = problem(503, "database_down")
        request = self.parsed(503, refusal, headers={"retry-after": "1"})
        self.assertEqual({v.outcome for v in request.verdicts}, {"failed"})

    def test_form(self):
        other_account = STORED | {"replayed": False, "account_id": "b"}
        for why, document in (
                ("an id is missing", {"orders": [], "not_found": ["1"]}),
                ("an id that nobody asked for", {"orders": [], "not_found": ["1", "2", "3"]}),
                ("in two lists", {"orders": [STORED | {"replayed": False}], "not_found": ["1", "2"]}),
                ("shown twice", {"orders": [STORED | {"replayed": False}] * 2, "not_found": ["2"]}),
                ("of another account", {"orders": [other_account], "not_found": ["2"]})):
            with self.subTest(why):
                request = self.parsed(200, document)
                self.assertIsNotNone(request.flaw)
                self.assertEqual({v.outcome for v in request.verdicts}, {"failed"})


if __name__ == "__main__":
    unittest.main()
