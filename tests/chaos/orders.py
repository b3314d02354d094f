"""Orders: made from a seed, rendered in many ways that mean the same, and read back from the table."""
import json
import random
import string
from collections.abc import Iterable
from typing import NamedTuple

from chaos.history import Content, Key, Sent

SYMBOLS = ("ACME", "BTC/USD", "EUR.USD", "ZZ-9", "X_1", "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345")
TYPES = ("market", "limit", "stop", "stop_limit")
TIMES_IN_FORCE = ("day", "gtc", "ioc", "fok")
WORDS = ("desk", "ldn", "ünïcode", "tab\t", "line\n", 'quote"', "back\\slash", "\N{SNOWMAN}", "", " ", "null")
NUMBER_DIGITS_MAX = 15  # a JSON number with more is refused


class Row(NamedTuple):
    order_id: str
    content: Content
    received_at: float  # Unix time
    copies: int = 1     # rows of this id: more than one only without the primary key


Rows = dict[Key, Row]


# ---- making ----

def _decimal(rng: random.Random) -> str:
    """Canonical and above 0, mostly short, sometimes as long as it may be."""
    if rng.random() < 0.9:
        whole, fraction = rng.randrange(1, 100_000), rng.randrange(0, 1000)
        return f"{whole}.{fraction:03d}".rstrip("0").rstrip(".")
    whole = rng.randrange(0, 10 ** rng.randrange(1, 19))
    fraction = str(rng.randrange(1, 10 ** 18)).rjust(rng.randrange(1, 19), "0")[-18:].rstrip("0") or "1"
    return f"{whole}.{fraction}"


def _metadata(rng: random.Random, depth: int = 0) -> object:
    kind = rng.randrange(8 if depth < 3 else 5)
    if kind <= 1:
        return rng.choice(WORDS)
    if kind == 2:
        return rng.randrange(-10 ** 18, 10 ** 24)  # more than 64 bits too
    if kind == 3:
        return rng.choice((True, False, None))
    if kind == 4:
        return "".join(rng.choices(string.ascii_letters, k=rng.randrange(1, 40)))
    if kind == 5:
        return [_metadata(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {f"{rng.choice(WORDS)}{i}": _metadata(rng, depth + 1) for i in range(rng.randrange(4))}


def canonical_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def make_content(rng: random.Random) -> Content:
    kind = rng.choice(TYPES)
    metadata = None
    if rng.random() < 0.2:
        metadata = canonical_json({"k": _metadata(rng), "n": rng.randrange(1000)})
    return Content(rng.choice(SYMBOLS), rng.choice(("buy", "sell")), kind, _decimal(rng),
                   _decimal(rng) if kind in ("limit", "stop_limit") else None,
                   _decimal(rng) if kind in ("stop", "stop_limit") else None,
                   rng.choice(TIMES_IN_FORCE), metadata)


def make_other(content: Content, rng: random.Random) -> Content:
    """Differs from the content in one field, by value."""
    change = rng.randrange(5)
    if change == 0:
        return content._replace(side="sell" if content.side == "buy" else "buy")
    if change == 1:
        return content._replace(time_in_force=rng.choice([t for t in TIMES_IN_FORCE if t != content.time_in_force]))
    if change == 2:
        return content._replace(symbol=rng.choice([s for s in SYMBOLS if s != content.symbol]))
    if change == 3:
        metadata = canonical_json({"other": rng.randrange(10 ** 9)}) if content.metadata is None else None
        return content._replace(metadata=metadata)
    whole = content.quantity.partition(".")[0]
    return content._replace(quantity=whole[:17] + "1" if whole != "0" else "1")


# ---- rendering ----

def render(sent: Sent, rng: random.Random | None = None, **more: object) -> str:
    """The order as JSON: plainly, or with random numbers in one of the many ways that mean the same."""
    content = sent.content
    fields = {"account_id": json.dumps(sent.account), "client_order_id": json.dumps(sent.cid),
              "symbol": json.dumps(content.symbol), "side": json.dumps(content.side), "type": json.dumps(content.type),
              "quantity": _number(content.quantity, rng)}
    for name in ("limit_price", "stop_price"):
        value = getattr(content, name)
        if value is not None:
            fields[name] = _number(value, rng)
    fields["time_in_force"] = json.dumps(content.time_in_force)
    if content.metadata is not None:
        fields["metadata"] = content.metadata
    fields |= {name: json.dumps(value) for name, value in more.items()}
    if rng is None:
        return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"
    return _disguise(fields, content, rng)


def _number(text: str, rng: random.Random | None) -> str:
    """A decimal as a string, or as a JSON number where one may hold it, with zeros at its end that mean nothing."""
    if rng is None:
        return f'"{text}"'
    zeros = "0" * rng.randrange(4)
    longer = f"{text}{zeros}" if "." in text else f"{text}.0{zeros}"
    if rng.random() < 0.5 and len(longer.partition(".")[2]) <= 18:
        text = longer
    if rng.random() < 0.3 and len(text.replace(".", "")) <= NUMBER_DIGITS_MAX:
        return text
    return f'"{text}"'


def _disguise(fields: dict[str, str], content: Content, rng: random.Random) -> str:
    for name in ("limit_price", "stop_price", "metadata"):
        if name not in fields and rng.random() < 0.2:
            fields[name] = "null"
    if content.time_in_force == "day" and rng.random() < 0.5:
        fields["time_in_force"] = "null"
        if rng.random() < 0.5:
            del fields["time_in_force"]
    if content.metadata is not None:
        fields["metadata"] = _other_json(json.loads(content.metadata), rng)
    names = list(fields)
    rng.shuffle(names)
    blank = rng.choice(("", " ", "\t"))
    return "{" + f",{blank}".join(f'"{name}":{blank}{fields[name]}' for name in names) + blank + "}"


def _other_json(value: dict, rng: random.Random) -> str:
    names = list(value)
    rng.shuffle(names)
    return json.dumps({name: value[name] for name in names}, ensure_ascii=rng.random() < 0.5)


INVALID = ("invalid_order", "invalid_json", "duplicate_key")


def render_invalid(sent: Sent) -> str:
    """An order that breaks the rule whose code is `expect`."""
    text = render(sent)
    if sent.expect == "invalid_json":
        return text[:-1] + ","
    if sent.expect == "duplicate_key":
        return text[:-1] + ',"side":"buy"}'
    return text[:-1] + ',"colour":"red"}'


# ---- reading ----

def content_of(document: dict) -> Content:
    """Of an order as an answer shows it. KeyError or TypeError where it is not one."""
    metadata = document.get("metadata")
    return Content(document["symbol"], document["side"], document["type"], document["quantity"],
                   document.get("limit_price"), document.get("stop_price"), document["time_in_force"],
                   None if metadata is None else canonical_json(metadata))


# One line a row, tabs between the fields: psql -XAtq -F '\t'. jsonb writes neither tabs nor line ends as they are.
ROWS_SQL = """
    SELECT account_id, client_order_id, order_id, symbol, side, type, trim_scale(quantity), trim_scale(limit_price),
           trim_scale(stop_price), time_in_force, metadata, extract(epoch FROM received_at)
    FROM orders"""


def parse_rows(lines: Iterable[str]) -> Rows:
    rows: Rows = {}
    for line in lines:
        if not line:
            continue
        account, cid, order_id, symbol, side, kind, quantity, limit, stop, time_in_force, metadata, received_at = \
            line.rstrip("\n").split("\t")
        content = Content(symbol, side, kind, quantity, limit or None, stop or None, time_in_force,
                          canonical_json(json.loads(metadata)) if metadata else None)
        before = rows.get((account, cid))
        copies = before.copies + 1 if before else 1
        rows[account, cid] = Row(order_id, content, float(received_at), copies)
    return rows
