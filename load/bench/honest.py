"""Whether a service does the whole job: only what checks, stores and recognises orders is compared."""
import json
import urllib.error
import urllib.request

from bench.process import Failure
from bench.systems import Target

ORDER = {"account_id": "acct-000", "symbol": "AAPL", "side": "buy", "type": "limit", "quantity": "100.50",
         "limit_price": "187.25", "time_in_force": "day"}


def status(target: Target, order: dict[str, str]) -> int:
    request = urllib.request.Request(target.url, json.dumps(order).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def check(target: Target, client_order_id: str) -> None:
    """Raises Failure if an answer is wrong."""
    order = ORDER | {"client_order_id": client_order_id}
    without_price = {name: value for name, value in order.items() if name != "limit_price"}
    expected = (
        ("a new order", order, 201), ("the same order again", order | {"quantity": "100.5"}, 200),
        ("another order under its id", order | {"side": "sell"}, 422), ("a quantity of 0", order | {"quantity": "0.0"}, 422),
        ("a limit order without a price", without_price, 422), ("an unknown member", order | {"colour": "red"}, 422))
    for what, sent, wanted in expected:
        got = status(target, sent)
        if got != wanted:
            raise Failure(f"{target.system.name} answers {got} to {what}, and not {wanted}")
