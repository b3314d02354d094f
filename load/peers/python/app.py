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
from pydantic import BaseModel, Extra, condecimal, constr, root_validator

Word = constr(regex=r"^[A-Za-z0-9._:/-]{1,64}$")
Number = condecimal(gt=0, max_digits=36, decimal_places=18)

INSERT = """INSERT INTO orders (account_id, client_order_id, order_id, symbol, side, type, quantity, limit_price, stop_price,
time_in_force, metadata, received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, NULL, $11)
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

    @root_validator(skip_on_failure=True)
    def prices_fit_the_type(cls, values):
        if (values["limit_price"] is not None) != (values["type"] in ("limit", "stop_limit")):
            raise ValueError("limit_price")
        if (values["stop_price"] is not None) != (values["type"] in ("stop", "stop_limit")):
            raise ValueError("stop_price")
        return values


app = FastAPI(openapi_url=None)


@app.on_event("startup")
async def start() -> None:
    most = int(os.environ.get("POOL_MAX", "8"))
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=most, max_size=most)


@app.exception_handler(RequestValidationError)
async def refused(_: Request, error: RequestValidationError) -> Response:
    return JSONResponse({"title": str(error)}, status_code=422)


def new_id(now_s: float) -> uuid.UUID:
    """A UUIDv7."""
    return uuid.UUID(int=int(now_s * 1000) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62))


def text(number: Optional[Decimal]) -> Optional[str]:
    return None if number is None else f"{number.normalize():f}"


def answer(o: Order, order_id: uuid.UUID, received_at: datetime, replayed: bool) -> Response:
    fields = {"order_id": str(order_id), "account_id": o.account_id, "client_order_id": o.client_order_id,
              "symbol": o.symbol, "side": o.side, "type": o.type, "quantity": text(o.quantity),
              "limit_price": text(o.limit_price), "stop_price": text(o.stop_price), "time_in_force": o.time_in_force,
              "received_at": f"{received_at:%Y-%m-%dT%H:%M:%S.%fZ}", "status": "accepted", "replayed": replayed}
    return JSONResponse({name: value for name, value in fields.items() if value is not None},
                        status_code=200 if replayed else 201)


@app.post("/v1/orders")
async def post(o: Order) -> Response:
    now_s = time.time()
    received_at, order_id = datetime.fromtimestamp(now_s, timezone.utc), new_id(now_s)
    row = await app.state.pool.fetchval(INSERT, o.account_id, o.client_order_id, order_id, o.symbol, o.side, o.type,
                                        o.quantity, o.limit_price, o.stop_price, o.time_in_force, received_at)
    if row is not None:
        return answer(o, order_id, received_at, False)
    found = await app.state.pool.fetchrow(SELECT, o.account_id, o.client_order_id)
    if found is None:
        return JSONResponse({"title": "the order was neither stored nor found"}, status_code=503)
    same = all(found[name] == getattr(o, name) for name in
               ("symbol", "side", "type", "quantity", "limit_price", "stop_price", "time_in_force"))
    if not same:
        return JSONResponse({"title": "client_order_id was used for another order"}, status_code=422)
    return answer(o, found["order_id"], found["received_at"], True)
