"""Back at rest, and metrics against the clients' counts: each complaint has figures that raise it, or nearly do."""
import re
import unittest
from unittest import mock

from chaos import rest
from chaos.handmade import EPOCH, batch, get, order, post, said
from chaos.history import History
from chaos.rest import IDLE, PROBES, Baseline, Figures, check_counts, check_rest, check_table_growth
from chaos.world import ROOT

GAUGE = re.compile(r'"([a-z_]+)",\s*"gauge"')
COMPARED = ("ordersd_ready", "ordersd_pool_connections_max", "http_server_open_connections",
            "http_server_active_requests")
# Settings, figures that check_rest has from /proc, and what describes a time before the rest.
OTHERWISE = {"ordersd_build_info", "ordersd_pool_connections_min", "ordersd_pool_acquire_duration_max_seconds",
             "ordersd_pool_last_health_check_timestamp_seconds", "ordersd_pool_exhaustion_alert",
             "ordersd_database_warning", "ordersd_database_slot_wal_bytes", "ordersd_database_replicas", "ordersd_queue_capacity", "ordersd_groups_allowed", "ordersd_accounts_stalled", "ordersd_db_failed_groups_in_a_row",
             "ordersd_client_memory_max_bytes", "ordersd_memory_max_bytes", "ordersd_key_rate_tokens",
             "ordersd_key_rate_tokens_max", "process_resident_memory_bytes",
             "process_virtual_memory_bytes", "process_open_fds", "process_max_fds",
             "process_start_time_seconds"}
REQUESTS = ("http_server_request_duration_seconds_count"
            '{{http_request_method="{}",http_route="{}",http_response_status_code="{}"}}')


def figures(at=10.0, pid=1, fds=40, threads=20, rss=100 << 20, **changes):
    zero = [series.replace("{state", '{pool="main",state') if "pool_connections" in series else series
            for series in rest.ZERO]
    metrics = {**dict.fromkeys(zero, 0.0), "ordersd_ready": 1.0, "http_server_open_connections": 1.0,
               "http_server_active_requests": 1.0, 'ordersd_pool_connections_max{pool="main"}': 12.0,
               'ordersd_pool_connections{pool="main",state="total"}': 4.0}
    return Figures(at, "replica-0", pid, -5.0, fds, threads, rss, metrics | changes)


def counted(posts=0, created=0, replayed=0, late=0, unknown=0, route="/v1/orders", status=201):
    results = {"created": created, "replayed": replayed, "late": late, "unknown": unknown}
    return {REQUESTS.format("POST", route, status): float(posts),
            **{f'ordersd_orders_total{{result="{result}"}}': float(count) for result, count in results.items()}}


def by(replica, *requests):
    for request in requests:
        request.replica = replica
    return History.of(requests, EPOCH)


class Rest(unittest.TestCase):
    def test_all_is_back(self):
        self.assertEqual(check_rest(figures(), figures(fds=43)), [])

    def test_what_is_not(self):
        for why, now in (("queue", figures(**{"ordersd_queue_depth": 1.0})),
                         ("worker", figures(**{'ordersd_workers{state="busy"}': 1.0})),
                         ("lease", figures(**{'ordersd_pool_connections{pool="main",state="active"}': 1.0})),
                         ("connections", figures(**{"http_server_open_connections": PROBES + IDLE + 1.0})),
                         ("request", figures(**{"http_server_active_requests": 3.0})),
                         ("ready", figures(**{"ordersd_ready": 0.0})),
                         ("pool", figures(**{'ordersd_pool_connections{pool="main",state="total"}': 13.0})),
                         ("descriptors", figures(fds=45)),
                         ("threads", figures(threads=21))):
            with self.subTest(why):
                self.assertEqual([v.rule for v in check_rest(figures(), now)], ["rest"])

    def test_a_series_that_is_gone_is_no_zero(self):
        for series in figures().metrics:
            now = figures()
            del now.metrics[series]
            self.assertEqual(check_rest(figures(), now) != [], series != "process_start_time_seconds", series)

    def test_every_gauge_is_compared_or_known_to_have_other_values_at_rest(self):
        """A new gauge of ordersd has to be put into one of the two."""
        compared = {series.partition("{")[0] for series in (*rest.ZERO, *COMPARED)}
        there = {name for file in (ROOT / "src").rglob("*.*") if file.suffix in (".c", ".h", ".def")
                 for name in GAUGE.findall(file.read_text())}
        self.assertEqual(there - compared, OTHERWISE)
        self.assertEqual(compared - there, set())

    def test_connections_of_the_pool_are_no_leak(self):
        more = figures(fds=46, **{'ordersd_pool_connections{pool="main",state="total"}': 10.0})
        self.assertEqual(check_rest(figures(), more), [])

    def test_memory_counts_where_it_is_asked_for(self):
        self.assertEqual(check_rest(figures(), figures(rss=200 << 20)), [])
        self.assertEqual(len(check_rest(figures(), figures(rss=200 << 20), rss_growth_max=50 << 20)), 1)


class Replica:
    """Has the same figures whenever it is asked."""
    name, pid, began = "replica-0", 0, 0.0  # no process has this pid

    def __init__(self, fds):
        self._fds = fds

    async def metrics(self):
        return figures().metrics

    def fds(self):
        return self._fds

    def threads(self):
        return 20

    def rss(self):
        return 100 << 20


class Growing(unittest.IsolatedAsyncioTestCase):
    async def test_what_leaks_a_little_in_each_chapter(self):
        """Each chapter has less than the slack more than the one before."""
        first, before = Baseline([figures(fds=40)], 0), Baseline([figures(fds=43)], 0)
        world = mock.Mock(replicas=[Replica(46)], rows=mock.AsyncMock(return_value={}))
        with mock.patch.object(rest, "REST_S", 0.0):
            self.assertEqual(await rest.check(world, History(), before), [])
            self.assertEqual([v.rule for v in await rest.check(world, History(), before, first)], ["rest"])
            self.assertEqual(len(await rest.check(world, History(), before, before, rss_growth_max=-1)), 1)


class Counts(unittest.TestCase):
    before = figures(at=0.0, **counted())

    def complaints(self, history, **metrics):
        return [v.text.partition(": ")[2] for v in check_counts(history, self.before, figures(**counted(**metrics)))]

    def test_agree(self):
        history = by("replica-0", post(1, 2, "created"), post(3, 4, "created", cid="2"))
        self.assertEqual(self.complaints(history, posts=2, created=2), [])

    def test_too_few(self):
        history = by("replica-0", post(1, 2, "created"), post(3, 4, "created", cid="2"))
        self.assertEqual(len(self.complaints(history, posts=1, created=1)), 2)

    def test_too_many(self):
        self.assertEqual(len(self.complaints(by("replica-0", post(1, 2, "created")), posts=2, created=2)), 2)

    def test_a_request_without_an_answer_may_have_been_counted(self):
        history = by("replica-0", post(1, 2, "created"), post(3, 4, "unknown", end="closed", cid="2"))
        self.assertEqual(self.complaints(history, posts=1, created=1), [])
        self.assertEqual(self.complaints(history, posts=2, created=2), [])
        self.assertEqual(len(self.complaints(history, posts=3, created=3)), 2)

    def test_what_another_replica_answered_does_not_count(self):
        self.assertEqual(self.complaints(by("replica-1", post(1, 2, "created")), posts=0, created=0), [])
        self.assertEqual(len(self.complaints(by("replica-1", post(1, 2, "created")), posts=0, created=1)), 1)

    def test_connections_that_are_a_fault_may_be_refused_besides(self):
        history = by("replica-0", post(1, 2, "refused", expect="invalid_order", code="invalid_order"))
        self.assertEqual(self.complaints(history, posts=9, status=422), [])
        self.assertEqual(len(self.complaints(history, posts=0, status=422)), 1)

    def test_every_order_of_a_batch_counts(self):
        history = by("replica-0", batch("batch", 1, 2, (order("1"), said("created")), (order("2"), said("replayed"))))
        history.requests[0].status = 200
        metrics = {"route": "/v1/orders/batch", "status": 200}
        self.assertEqual(self.complaints(history, posts=1, created=1, replayed=1, **metrics), [])
        self.assertEqual(len(self.complaints(history, posts=1, created=2, replayed=0, **metrics)), 2)

    def test_of_a_process_that_started_meanwhile(self):
        """For a while after its start the one before may have answered in its name."""
        now = figures(at=100.0, **counted(posts=1, created=1))
        now.began = 20.0
        history = by("replica-0", post(1, 2, "created"), post(25, 26, "created", cid="2"),
                     post(60, 61, "created", cid="3"))
        self.assertEqual(check_counts(history, None, now), [])
        now.metrics |= counted(posts=3, created=3)
        self.assertEqual(len(check_counts(history, None, now)), 2)

    def test_gets_of_the_driver_count_too(self):
        history = by("replica-0", get(1, 2, "found"))
        metric = {REQUESTS.format("GET", "/v1/orders", 200): 3.0}
        self.assertEqual(check_counts(history, self.before, figures(**metric)), [])
        self.assertEqual(len(check_counts(history, self.before, figures())), 1)


class Growth(unittest.TestCase):
    def complaints(self, rows, **metrics):
        return check_table_growth([figures(**counted())], [figures(**counted(**metrics))], 5, 5 + rows)

    def test_every_row_was_counted(self):
        self.assertEqual(self.complaints(3, created=3), [])
        self.assertEqual(len(self.complaints(4, created=3)), 1)
        self.assertEqual(len(self.complaints(2, created=3)), 1)

    def test_of_a_process_that_was_replaced_the_sure_ones_are_there(self):
        def complaints(rows, created):
            before = [figures(**counted(created=100)), figures(**counted(created=7))]
            now = [figures(pid=2, **counted(created=created)), figures(**counted(created=9))]
            return check_table_growth(before, now, 5, 5 + rows)
        self.assertEqual(complaints(3 + 2, created=3), [])
        self.assertEqual(complaints(500, created=3), [])
        self.assertEqual(len(complaints(4, created=3)), 1)

    def test_what_was_in_doubt_may_be_there(self):
        self.assertEqual(self.complaints(4, created=3, late=1, unknown=1), [])
        self.assertEqual(len(self.complaints(6, created=3, late=1, unknown=1)), 1)


if __name__ == "__main__":
    unittest.main()
