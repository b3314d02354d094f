"""Peer of ordersd: FastAPI and asyncpg under uvicorn (uvloop, httptools), one INSERT a request, answered after the commit.

Environment: DATABASE_URL, POOL_MAX (connections of each process); uvicorn has the address and the processes."""
import os
import secrets
import time
import uuid
from datetime import datetime, timezone
from decimal import Decimal
from typing import Literal, Optional

import asyncpg
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Extra, constr

Word = constr(regex=r"^[A-Za-z0-9._:/-]{1,64}$")
Number = constr(regex=r"^(?=.*[1-9])(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$")

INSERT = """INSERT INTO orders (account_id, client_order_id, order_id, symbol, side, type, quantity, limit_price, stop_price,
time_in_force, metadata, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7::text::numeric, $8::text::numeric, $9::text::numeric,
$10, NULL, $11)
ON CONFLICT (account_id, client_order_id) DO NOTHING RETURNING order_id"""
SELECT = """SELECT order_id, symbol, side, type, quantity, limit_price, stop_price, time_in_force, received_at
FROM orders WHERE account_id = $1 AND client_order_id = $2"""


class Order(BaseModel):
    """The fields of ordersd's contract, without metadata and sent_at."""
    account_id: Word
    client_order_id: Word
    symbol: constr(regex=r"^[A-Z0-9._/-]{1,32}$")
    side: Literal["buy", "sell"]
    type: Literal["market", "limit", "stop", "stop_limit"]
    quantity: Number
    limit_price: Optional[Number]
    stop_price: Optional[Number]
    time_in_force: Literal["day", "gtc", "ioc", "fok"] = "day"

    class Config:
        extra = Extra.forbid

    def prices_fit_the_type(self) -> bool:
        return ((self.limit_price is not None) == (self.type in ("limit", "stop_limit"))
                and (self.stop_price is not None) == (self.type in ("stop", "stop_limit")))


class Connection(asyncpg.Connection):
    """Nothing here leaves a session changed, so a connection goes back to the pool without the statement that resets it."""

    def get_reset_query(self) -> str:
        return ""

    _get_reset_query = get_reset_query  # its name in older versions


app = FastAPI(openapi_url=None)


@app.on_event("startup")
async def start() -> None:
    most = int(os.environ.get("POOL_MAX", "8"))
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=most, max_size=most,
                                               connection_class=Connection)


@app.exception_handler(RequestValidationError)
async def refused(_: Request, error: RequestValidationError) -> Response:
    return JSONResponse({"title": str(error)}, status_code=422)


def new_id(now_s: float) -> uuid.UUID:
    """A UUIDv7."""
    return uuid.UUID(int=int(now_s * 1000) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62))


def text(number: str | Decimal) -> str:
    plain = f"{number:f}" if isinstance(number, Decimal) else number
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def answer(o: Order, order_id: uuid.UUID, received_at: datetime, replayed: bool) -> Response:
    """No text needs an escape: the model has seen all of them."""
    prices = "".join(f',"{name}":"{text(price)}"' for name, price in (("limit_price", o.limit_price), ("stop_price", o.stop_price))
                     if price is not None)
    return Response(
        f'{{"order_id":"{order_id}","account_id":"{o.account_id}","client_order_id":"{o.client_order_id}","symbol":"{o.symbol}",'
        f'"side":"{o.side}","type":"{o.type}","quantity":"{text(o.quantity)}"{prices},"time_in_force":"{o.time_in_force}",'
        f'"received_at":"{received_at:%Y-%m-%dT%H:%M:%S.%fZ}","status":"accepted","replayed":{"true" if replayed else "false"}}}',
        status_code=200 if replayed else 201, media_type="application/json")


def refuse(status: int, why: str) -> Response:
    return JSONResponse({"title": why}, status_code=status)


async def replay(o: Order) -> Response:
    found = await app.state.pool.fetchrow(SELECT, o.account_id, o.client_order_id)
    if found is None:
        return refuse(503, "the order was neither stored nor found")
    same = all(found[name] == getattr(o, name) for name in ("symbol", "side", "type", "time_in_force"))
    for name in ("quantity", "limit_price", "stop_price"):
        given = getattr(o, name)
        same = same and found[name] == (None if given is None else Decimal(given))
    if not same:
        return refuse(422, "client_order_id was used for another order")
    return answer(o, found["order_id"], found["received_at"], True)


@app.post("/v1/orders")
async def post(o: Order) -> Response:
    if not o.prices_fit_the_type():
        return refuse(422, "limit_price or stop_price")
    now_s = time.time()
    received_at, order_id = datetime.fromtimestamp(now_s, timezone.utc), new_id(now_s)
    row = await app.state.pool.fetchval(INSERT, o.account_id, o.client_order_id, order_id, o.symbol, o.side, o.type,
                                        o.quantity, o.limit_price, o.stop_price, o.time_in_force, received_at)
    return await replay(o) if row is None else answer(o, order_id, received_at, False)
