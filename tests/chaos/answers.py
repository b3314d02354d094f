"""What an answer says about each order of its request, and what is wrong with its form.

Pure: a request and an answer in, verdicts and a flaw out. api/openapi.yaml is the contract. An answer that
is not ordersd's own (a page of the balancer, no problem document) says nothing: the outcome is unknown.
"""
import json
import re
from datetime import datetime
from typing import NamedTuple

from chaos import orders
from chaos.history import (ABSENT, CREATED, FAILED, FOUND, NOT_ACCEPTED, NOT_FETCHED, REFUSED, REPLAYED, REUSED,
                           UNKNOWN, VALID, Request, Sent, Verdict)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes


class Flaw(Exception):
    """The answer is not of the form that the contract promises."""


def parse_answer(request: Request, answer: Answer) -> None:
    """Writes verdicts, status, code, replica and flaw into the request."""
    request.status = answer.status
    request.replica = answer.headers.get("x-replica") or request.replica
    try:
        request.verdicts = _verdicts(request, answer)
    except Flaw as flaw:
        request.flaw = f"{answer.status}: {flaw}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        request.flaw = f"{answer.status}: {type(error).__name__}: {error}"
    if request.flaw is not None:
        request.verdicts = nothing_known(request, f"flawed_{answer.status}")


def nothing_known(request: Request, code: str | None, outcome: str = UNKNOWN) -> list[Verdict]:
    """The same for each order: of a request without an answer, or with one that says nothing."""
    if request.kind == "get":
        outcome = FAILED
    return [Verdict(outcome, code=code) for _ in request.sent]


def _verdicts(request: Request, answer: Answer) -> list[Verdict]:
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
    if answer.status >= 400:
        return _of_problem(request, answer, media_type)
    _demand(answer.headers.get("x-request-id") == request.request_id,
            f"X-Request-Id is {answer.headers.get('x-request-id')!r}, not {request.request_id!r}")
    if request.kind == "get":
        return _of_lookup(request, answer)
    if request.kind in ("batch", "atomic"):
        return _of_batch(request, answer, media_type)
    return [_of_single(request, answer)]


def _demand(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Flaw(otherwise)


# ---- one order ----

def _of_single(request: Request, answer: Answer) -> Verdict:
    document, sent = json.loads(answer.body), request.sent[0]
    if request.kind == "validate":
        _demand(answer.status == 200 and document["status"] == "valid", 'validate_only is answered by 200 and "valid"')
        return Verdict(VALID, status=200, content=_content_shown(document, sent))
    _demand(answer.status in (200, 201), "an order is answered by 200 or 201 where it is stored")
    replayed = answer.status == 200
    _demand(document["status"] == "accepted" and document["replayed"] is replayed, '"replayed" does not fit the status')
    if replayed:
        _demand(answer.headers.get("idempotent-replayed") == "true", "Idempotent-Replayed is missing")
    else:
        location = answer.headers.get("location")
        _demand(location == f"/v1/orders/{document['order_id']}", f"Location is {location!r}")
    verdict = Verdict(REPLAYED if replayed else CREATED, _order_id(document["order_id"]), status=answer.status)
    if "account_id" in document:  # else return=minimal
        verdict.content = _content_shown(document, sent)
        verdict.received_at = _moment(document["received_at"])
    else:
        _demand(answer.headers.get("preference-applied") == "return=minimal", "the order is not shown")
    return verdict


def _content_shown(document: dict, sent: Sent) -> orders.Content:
    _demand((document["account_id"], document["client_order_id"]) == sent.key,
            f"the answer is about {document['account_id']}/{document['client_order_id']}")
    content = orders.content_of(document)
    return sent.content if content == sent.content else content


def _order_id(text: object) -> str:
    _demand(isinstance(text, str) and UUID.fullmatch(text) is not None, f"order_id is {text!r}")
    return text


def _moment(text: str) -> float:
    _demand(MOMENT.fullmatch(text) is not None, f"received_at is {text!r}")
    return datetime.fromisoformat(text[:-1] + "+00:00").timestamp()


# ---- refusals ----

def _of_problem(request: Request, answer: Answer, media_type: str) -> list[Verdict]:
    own = "x-request-id" in answer.headers
    if media_type != "application/problem+json":
        request.code = f"bare_{answer.status}"
        return nothing_known(request, request.code)
    document = json.loads(answer.body)
    _demand(document["status"] == answer.status, f"the document says {document['status']}")
    request.code = document["code"] if own else f"balancer_{answer.status}"
    if not own:
        _demand(document["type"] == "about:blank", "X-Request-Id is missing")
    else:
        _demand(answer.headers["x-request-id"] == request.request_id, "X-Request-Id is that of another request")
        instance = document["instance"]
        _demand(instance == f"urn:ordersd:request:{request.request_id}", f"instance is {instance}")
    if answer.status in (429, 503):
        _demand(answer.headers.get("retry-after", "").isdecimal(), "Retry-After is missing")
    if request.kind == "get":
        return _of_failed_lookup(request, answer.status)
    if "results" in document:
        return _of_results(request, answer.status, document["summary"], document["results"])
    return [_refusal(document, request.code, answer.status) for _ in request.sent]


def _of_failed_lookup(request: Request, status: int) -> list[Verdict]:
    absent = status == 404 and request.code == "order_not_found"
    _demand(not absent or len(request.sent) == 1, "order_not_found answers a lookup of several ids")
    return [Verdict(ABSENT if absent else FAILED, code=request.code, status=status) for _ in request.sent]


# What may be refused for now, and what for good: docs/PROBLEMS.md.
def _refusal(problem: dict, code: str, status: int) -> Verdict:
    outcome, retryable = problem["outcome"], problem["retryable"]
    _demand(outcome in ("not_accepted", "unknown"), f"outcome is {outcome!r}")
    _demand(isinstance(retryable, bool), "retryable is missing")
    differing = problem.get("differing_fields")
    verdict = Verdict(UNKNOWN, problem.get("order_id"), code, status)
    if code == "client_order_id_reused":
        verdict.outcome = REUSED
        verdict.differing = None if differing is None else tuple(differing)
    elif outcome == "not_accepted":
        verdict.outcome = NOT_ACCEPTED if retryable or status == 424 else REFUSED
    _demand(outcome == "not_accepted" or status >= 500, f"outcome unknown with {status}")
    _demand(status != 504 or outcome == "unknown", "504 says not_accepted")
    return verdict


# ---- batches ----

def _of_batch(request: Request, answer: Answer, media_type: str) -> list[Verdict]:
    if media_type == "application/x-ndjson":
        lines = [json.loads(line) for line in answer.body.splitlines()]
        summary, results = lines[-1]["summary"], lines[:-1]
    else:
        document = json.loads(answer.body)
        summary, results = document["summary"], document["results"]
    return _of_results(request, answer.status, summary, results)


def _of_results(request: Request, status: int, summary: dict, results: list[dict]) -> list[Verdict]:
    indexes = [result["index"] for result in results]
    _demand(indexes == list(range(len(request.sent))), "a result is missing, or out of order")
    verdicts = [_of_result(result, sent) for result, sent in zip(results, request.sent, strict=True)]
    counted = {"total": len(verdicts), "created": _count(verdicts, CREATED), "replayed": _count(verdicts, REPLAYED),
               "unknown": _count(verdicts, UNKNOWN)}
    counted["rejected"] = len(verdicts) - counted["created"] - counted["replayed"] - counted["unknown"]
    for name, count in counted.items():
        _demand(summary[name] == count, f"the summary counts {summary[name]} {name}, the results {count}")
    wanted = _status_for(request.kind, verdicts)
    _demand(status == wanted, f"the results add up to {wanted}")
    return verdicts


def _count(verdicts: list[Verdict], outcome: str) -> int:
    return sum(verdict.outcome == outcome for verdict in verdicts)


def _of_result(result: dict, sent: Sent) -> Verdict:
    status = result["status"]
    if "client_order_id" in result or status in (200, 201):
        _demand(result["client_order_id"] == sent.cid, f"result {result['index']} is about {result['client_order_id']}")
    if status in (200, 201):
        _demand("error" not in result and result["replayed"] is (status == 200), '"replayed" does not fit the status')
        return Verdict(REPLAYED if status == 200 else CREATED, _order_id(result["order_id"]), status=status)
    return _refusal(result["error"], result["error"]["code"], status)


def _status_for(kind: str, verdicts: list[Verdict]) -> int:
    """openapi.yaml, postBatch: that of the items if they have one, 200 for 200 and 201, else 207; atomic: never 207."""
    statuses = {verdict.status for verdict in verdicts}
    if len(statuses) == 1:
        return statuses.pop()
    if statuses == {200, 201}:
        return 200
    if kind != "atomic":
        return 207
    failed = [verdict.status for verdict in verdicts if verdict.status >= 500]
    return failed[-1] if failed else 422


# ---- lookups ----

def _of_lookup(request: Request, answer: Answer) -> list[Verdict]:
    _demand(answer.status == 200, "a lookup is answered by 200")
    document = json.loads(answer.body)
    if "order_id" in document:
        _demand(len(request.sent) == 1, "one order answers a lookup of several")
        return [_found(document, request.sent[0])]
    found = {order["client_order_id"]: order for order in document["orders"]}
    absent, not_fetched = set(document["not_found"]), set(document.get("not_fetched", ()))
    asked = {sent.cid for sent in request.sent}
    _demand(len(found) == len(document["orders"]), "an order is shown twice")
    _demand(found.keys() | absent | not_fetched == asked, "the answer is not about the ids that were asked for")
    _demand(len(found) + len(absent) + len(not_fetched) == len(asked), "an id is in two lists")
    verdicts = []
    for sent in request.sent:
        if sent.cid in found:
            verdicts.append(_found(found[sent.cid], sent))
        else:
            verdicts.append(Verdict(ABSENT if sent.cid in absent else NOT_FETCHED, status=200))
    return verdicts


def _found(document: dict, sent: Sent) -> Verdict:
    _demand(document["status"] == "accepted" and document["replayed"] is False, 'the order is not "accepted"')
    return Verdict(FOUND, _order_id(document["order_id"]), status=200, content=_content_shown(document, sent),
                   received_at=_moment(document["received_at"]))
