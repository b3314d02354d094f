-- wrk.lua - the requests that wrk sends, and its report as a line of JSON.
--
--   wrk ... -s wrk.lua URL -- MODE RUN [N]
--
-- RUN is the beginning of each client_order_id, so that no two runs share one.
--   single        one order a request, each with an id of its own
--   hot           the same, all orders of one account
--   replay N      N of 100 requests repeat an order that was sent before
--   mixed N       N of 100 requests look up an order that was sent before, by its ids
--   batch N       N orders a request, as a JSON array
local symbols = { "AAPL", "MSFT", "NVDA", "GOOG", "AMZN", "META", "TSLA", "INTC" }
local mode, run, n, sent = "single", "r", 0, 0
local threads = 0

function setup(thread)
  thread:set("thread_number", threads)
  threads = threads + 1
end

local function order(number)
  return string.format('{"account_id":"acct-%03d","client_order_id":"%s%012d","symbol":"%s","side":"%s",' ..
    '"type":"limit","quantity":"100","limit_price":"187.25","time_in_force":"day"}',
    mode == "hot" and 0 or number % 64, run, number, symbols[number % 8 + 1], number % 2 == 0 and "buy" or "sell")
end

local function next_order()
  sent = sent + 1
  return order(sent)
end

-- An order that has most likely been answered: what was sent last may still be under way.
local function earlier() return math.random(1, math.max(1, sent - 10000)) end

local function post(body) return wrk.format("POST", nil, nil, body) end

local function lookup(number)
  return wrk.format("GET", string.format("%s?account_id=acct-%03d&client_order_id=%s%012d", wrk.path, number % 64, run, number))
end

local function batch()
  local orders = {}
  for i = 1, n do orders[i] = next_order() end
  return post("[" .. table.concat(orders, ",") .. "]")
end

local again = { replay = function() return post(order(earlier())) end, mixed = function() return lookup(earlier()) end }

function init(args)
  mode, run, n = args[1] or mode, (args[2] or run) .. thread_number .. "-", tonumber(args[3] or 0)
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  if mode == "batch" then return batch() end
  if again[mode] and sent > 0 and math.random(100) <= n then return again[mode]() end
  return post(next_order())
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%.6f,"bytes":%d,"refused":%d,"connect_errors":%d,"read_errors":%d,' ..
    '"write_errors":%d,"timeouts":%d,"p50_ms":%.3f,"p99_ms":%.3f,"p999_ms":%.3f,"max_ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, e.status, e.connect, e.read, e.write, e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3, latency.max / 1e3))
end
