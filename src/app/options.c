/* options.c - see options.h. The table of options, and the rules between options. */
#include "app/options.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/cores.h"
#include "base/err.h"
#include "base/log.h"

enum { LOOPS_MAX = 8 };

static const char *const start_words[] = {
    [OPTIONS_START_DEGRADED] = "degraded", [OPTIONS_START_FAIL] = "fail", NULL
};
static const char *const auth_words[] = {
    [OPTIONS_AUTH_UNSET] = "unset", [OPTIONS_AUTH_NONE] = "none", [OPTIONS_AUTH_KEYS] = "keys", NULL
};
static const char *const log_level_words[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug", NULL
};
static const char *const log_format_words[] = {
    [OPTIONS_LOG_AUTO] = "auto", [OPTIONS_LOG_JSON] = "json", [OPTIONS_LOG_TEXT] = "text", NULL
};

/* The type of an option comes from its member in struct options, so the table and the struct cannot
 * disagree. A member of a type that is not listed here does not compile. */
#define MEMBER(m) (((struct options *)0)->m)
#define TYPE_OF(m)                                                                                 \
    _Generic(MEMBER(m), bool: CONF_BOOL, uint32_t: CONF_UINT, double: CONF_DOUBLE,                 \
             int64_t: CONF_DURATION, uint64_t: CONF_SIZE, char *: CONF_STRING, int: CONF_ENUM)
#define ROW(option, m)                                                                             \
    .name = #option, .type = TYPE_OF(m), .off = offsetof(struct options, m),                       \
    .size = sizeof MEMBER(m)

/* NOLINTBEGIN(bugprone-macro-parentheses): names of members cannot stand in parentheses */
#define OPT(group, m) ROW(group##_##m, group.m)
#define DURATION(group, m) ROW(group##_##m, group.m##_ns)
#define SIZE(group, m) ROW(group##_##m, group.m##_bytes)
/* NOLINTEND(bugprone-macro-parentheses) */
#define BOUNDS(low, high) .min = (low), .max = (high)

#define MS(n) (INT64_C(n) * NS_PER_MS)
#define S(n) (INT64_C(n) * NS_PER_S)
#define MIN(n) (INT64_C(n) * 60 * NS_PER_S)
#define H(n) (INT64_C(n) * 3600 * NS_PER_S)
#define KIB(n) (INT64_C(n) << 10)
#define MIB(n) (INT64_C(n) << 20)
#define GIB(n) (INT64_C(n) << 30)

/* One row per option. */
/* clang-format off */
static const struct conf_opt opts[] = {
    { OPT(database, url), .group = "Database", .def = "", .flags = CONF_SECRET | CONF_FILE,
      .doc = "The database as a URI or as key=value words of libpq; parameters that it does not give come from a connection service or libpq's PG* environment." },
    { OPT(database, password), .def = "", .flags = CONF_SECRET,
      .doc = "The password, to keep it out of DATABASE_URL." },
    { OPT(database, password_file), .def = "",
      .doc = "A regular file that holds the password, read again for each new connection, so that it can be changed without a restart." },
    { OPT(database, start), .def = "degraded", .words = start_words,
      .doc = "What to do when the database cannot be reached at start: serve and keep trying (degraded), or exit (fail)." },
    { OPT(database, migrate), .def = "true",
      .doc = "Bring the schema up to date at start." },
    { OPT(database, prepare), .def = "true",
      .doc = "Use prepared statements; false is for PgBouncer in transaction mode." },
    { OPT(database, require_sync_standby), .def = "false",
      .doc = "Store orders only while commits wait for a synchronous standby that is connected; otherwise the service is not ready and answers 503; the role needs pg_read_all_stats (docs/OPERATIONS.md, Failover)." },

#define POOL(default, text) .group = "Connection pool", .def = default, .doc = text
#define PQPOOL_COUNT(name, default, least, most, from, to, text, note) \
    { ROW(database_##name, pool.name), POOL(default, text), BOUNDS(from, to) },
#define PQPOOL_SPAN(name, default, least, from, to, text, note) \
    { ROW(database_##name, pool.name##_ns), POOL(default, text), BOUNDS(from, to) },
#define PQPOOL_FACTOR(name, default, least, most, from, to, text, note) \
    { ROW(database_##name, pool.name), POOL(default, text), BOUNDS((from)*1000, (to)*1000) },
#define PQPOOL_SWITCH(name, default, text, note) { ROW(database_##name, pool.name), POOL(default, text) },
#define PQPOOL_QUERY PQPOOL_SWITCH
#include "pqpool/options.def"

    { OPT(http, address), .group = "HTTP", .def = "127.0.0.1",
      .doc = "The IPv4 or IPv6 address to listen on; an address other than loopback requires AUTH." },
    { OPT(http, port), .def = "8080", BOUNDS(0, 65535),
      .doc = "The port to listen on; 0 takes any free one." },
    { OPT(http, threads), .def = "0", BOUNDS(0, 64),
      .doc = "Event loops that serve connections; 0 takes one for two processors that the process may use by affinity and cgroup quota, from 1 to 8." },
    { OPT(http, max_connections), .def = "10000", BOUNDS(1, 1000000),
      .doc = "Connections served at once; more are answered 503, but for health and metrics, which have a reserve of their own." },
    { OPT(http, max_connections_per_address), .def = "0", BOUNDS(0, 1000000),
      .doc = "Connections that one client address (of IPv6: one /64) may have at once; more are answered 429, but for health and metrics, and 0 sets no limit." },
    { SIZE(http, max_body), .def = "4MiB", BOUNDS(KIB(1), GIB(1)),
      .doc = "The largest body of a request; a larger one is answered 413, as is one order of more than 64 KiB." },
    { SIZE(http, bodies_max), .def = "256MiB", BOUNDS(KIB(64), GIB(64)),
      .doc = "Memory for the bodies of all requests together, within MEMORY_MAX; beyond it they are answered 503." },
    { SIZE(http, header_max), .def = "16KiB", BOUNDS(KIB(4), MIB(1)),
      .doc = "Memory for each connection's request line and headers; larger ones are answered 431." },
    { DURATION(http, read_timeout), .def = "10s", BOUNDS(MS(100), H(1)),
      .doc = "Time for a request to arrive from its first byte on, longer for a body that keeps coming at 10 kB/s or more." },
    { DURATION(http, idle_timeout), .def = "75s", BOUNDS(MS(100), H(1)),
      .doc = "A connection without a request for this long is closed." },
    { OPT(http, allowed_hosts), .def = "",
      .doc = "Host names and addresses, without ports and separated by commas, that requests may name in Host beside localhost and HTTP_ADDRESS, such as the name of a local proxy; while AUTH is unset, and whenever this option is set, a request with another Host is answered 421, and a page of another Origin 403; only /health/live, /health/ready and /health/startup answer to every Host." },
    { ROW(auth, auth), .def = "unset", .words = auth_words,
      .doc = "Who may use the service: with keys, a caller that has a key of API_KEYS_FILE; with none, everyone; with unset, everyone, but the service listens on loopback only." },
    { ROW(api_keys_file, api_keys_file), .def = "",
      .doc = "The file of keys, read again on SIGHUP; a line is NAME sha256:HEX [accounts=A,B] [rate=N/s burst=N], and `ordersd hash-key` makes the sha256:HEX of a key." },
    { ROW(auth_metrics, auth_metrics), .def = "false",
      .doc = "With AUTH=keys, ask for a key at /metrics and /status too; the metrics of keys are for callers with a key in any case." },
    { OPT(tls, cert_file), .def = "",
      .doc = "A PEM file with the server's certificate and the intermediate ones: with it HTTP is spoken over TLS 1.2 and 1.3 only; read again on SIGHUP." },
    { OPT(tls, key_file), .def = "",
      .doc = "A PEM file with the private key of that certificate, without a passphrase; read again on SIGHUP." },
    { OPT(tls, client_ca_file), .def = "",
      .doc = "A PEM file with the authorities of client certificates: with it only /health/live, /health/ready and /health/startup are answered without one; read again on SIGHUP." },

    { OPT(orders, workers), .group = "Orders", .def = "16", BOUNDS(1, 256),
      .doc = "Most groups of orders in flight, each on a connection; how many of these are used follows "
             "the time of commits." },
    { OPT(orders, readers), .def = "2", BOUNDS(1, 256),
      .doc = "Lookups of orders made at the same time, each on a connection." },
    { OPT(orders, queue_capacity), .def = "65536", .unit = "orders", BOUNDS(1, 16777216),
      .doc = "Orders that may wait to be committed; more are answered 503." },
    { OPT(orders, queue_max_bytes), .def = "256MiB", BOUNDS(KIB(64), GIB(64)),
      .doc = "Memory for the orders that wait to be committed, within MEMORY_MAX; beyond it they are answered 503." },
    { DURATION(orders, queue_wait_max), .def = "1s", BOUNDS(MS(1), MIN(10)),
      .doc = "An order that would wait longer than this, at the present rate, is answered 503 at once." },
    { OPT(orders, group_max), .def = "512", .unit = "orders", BOUNDS(1, 10000),
      .doc = "Orders committed in one transaction." },
    { OPT(orders, batch_max), .def = "5000", .unit = "orders", BOUNDS(1, 100000),
      .doc = "Orders in one request to /v1/orders/batch; more are answered 413." },
    { DURATION(orders, commit_timeout), .def = "10s", BOUNDS(MS(100), MIN(10)),
      .doc = "The longest that an order may take from its receipt to its commit; after that it is answered 503, or 504 if it was sent." },

    { ROW(memory_max, memory_max_bytes), .group = "Process", .def = "0", BOUNDS(0, GIB(1024)),
      .doc = "The most memory that the process may take: a request for which there is no room is answered 503; 0 is the sum of the other limits, 761MiB by default on up to three processors (docs/OPERATIONS.md, Memory)." },
    { DURATION(shutdown, timeout), .def = "25s", BOUNDS(0, H(1)),
      .doc = "The longest from SIGTERM to the end of the process." },
    { DURATION(shutdown, delay), .def = "0", BOUNDS(0, MIN(10)),
      .doc = "How long after SIGTERM new connections are still accepted, while /health/ready already answers 503." },
    { ROW(core_dumps, core_dumps), .def = "false",
      .doc = "Let a crash leave a core dump, which holds the database's password and orders; false also keeps everyone but root from tracing the process." },
    { OPT(log, level), .def = "info", .flags = CONF_RELOAD | CONF_FILE, .words = log_level_words,
      .doc = "The least severe events that are logged." },
    { OPT(log, format), .def = "auto", .words = log_format_words,
      .doc = "One JSON object or one line of text an event; auto is text on a terminal and JSON elsewhere." },
};
/* clang-format on */

const struct conf_table options_table = { .opts = opts,
                                          .n_opts = sizeof opts / sizeof opts[0],
                                          .program = "ordersd" };

/* Returns half of the processors, but at least 1 and at most LOOPS_MAX. An order takes about half
 * of its CPU time in the loops, and half in the workers and PostgreSQL. LOOPS_MAX loops take more
 * orders than one PostgreSQL can store. */
uint32_t options_loops(uint32_t cores)
{
    uint32_t loops = cores / 2;
    if (loops < 1)
        return 1;
    return loops < LOOPS_MAX ? loops : LOOPS_MAX;
}

bool options_load(struct options *options, int argc, char *const argv[], char *const env[],
                  struct err *err)
{
    struct options loaded;
    if (!conf_load(&options_table, &loaded, argc, argv, env, err) || !options_check(&loaded, err))
        return false;
    if (loaded.http.threads == 0)
        loaded.http.threads = options_loops(cores_usable());
    *options = loaded;
    return true;
}

static bool check_orders(const struct options *options, struct err *err)
{
    static const struct {
        const char *small, *large;
    } pairs[] = {
#define PQPOOL_COUNT_ORDER(small, large) { "database_" #small, "database_" #large },
#define PQPOOL_SPAN_ORDER PQPOOL_COUNT_ORDER
#include "pqpool/options.def"
        { "http_max_body", "http_bodies_max" },
        { "orders_group_max", "orders_queue_capacity" },
        { "orders_queue_wait_max", "orders_commit_timeout" },
        { "shutdown_delay", "shutdown_timeout" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (!conf_check_order(&options_table, options, pairs[i].small, pairs[i].large, err))
            return false;
    return true;
}

static bool is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == IN_LOOPBACKNET);
}

static bool check_listen(const struct options *options, struct err *err)
{
    struct in6_addr v6;
    struct in_addr v4;
    bool loopback;
    if (inet_pton(AF_INET, options->http.address, &v4) == 1) {
        loopback = ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    } else if (inet_pton(AF_INET6, options->http.address, &v6) == 1) {
        loopback = is_loopback(&v6);
    } else {
        err_set(err, 0, "HTTP_ADDRESS=%s: must be an IPv4 or IPv6 address", options->http.address);
        return false;
    }
    if (loopback || options->auth != OPTIONS_AUTH_UNSET)
        return true;
    err_set(err, 0,
            "HTTP_ADDRESS=%s is not loopback and AUTH=unset: say AUTH=keys to ask for a key of "
            "API_KEYS_FILE, or AUTH=none to let everyone who reaches that address in",
            options->http.address);
    return false;
}

static bool check_tls(const struct options *options, struct err *err)
{
    const char *cert = options->tls.cert_file, *key = options->tls.key_file;
    const char *client_ca = options->tls.client_ca_file;
    if (cert[0] != '\0' && key[0] == '\0')
        err_set(err, 0, "TLS_CERT_FILE=%s needs TLS_KEY_FILE, the key of that certificate", cert);
    else if (cert[0] == '\0' && key[0] != '\0')
        err_set(err, 0, "TLS_KEY_FILE=%s needs TLS_CERT_FILE, the certificate of that key", key);
    else if (cert[0] == '\0' && client_ca[0] != '\0')
        err_set(err, 0, "TLS_CLIENT_CA_FILE=%s needs TLS_CERT_FILE and TLS_KEY_FILE", client_ca);
    else
        return true;
    return false;
}

static bool check_auth(const struct options *options, struct err *err)
{
    bool keys = options->auth == OPTIONS_AUTH_KEYS;
    const char *auth = auth_words[options->auth];
    if (keys == (options->api_keys_file[0] != '\0') && (keys || !options->auth_metrics))
        return true;
    if (keys)
        err_set(err, 0, "AUTH=keys and API_KEYS_FILE=: name the file that holds the keys");
    else if (options->api_keys_file[0] != '\0')
        err_set(err, 0,
                "API_KEYS_FILE=%.120s and AUTH=%s: say AUTH=keys to ask for those keys, or leave "
                "the file out",
                options->api_keys_file, auth);
    else
        err_set(err, 0, "AUTH_METRICS=true and AUTH=%s: only AUTH=keys asks for a key", auth);
    return false;
}

bool options_check(const struct options *options, struct err *err)
{
    if (options->database.password[0] != '\0' && options->database.password_file[0] != '\0') {
        err_set(err, 0,
                "DATABASE_PASSWORD=*** and DATABASE_PASSWORD_FILE=%s are both set: "
                "leave one out",
                options->database.password_file);
        return false;
    }
    return check_orders(options, err) && check_auth(options, err) && check_listen(options, err) &&
           check_tls(options, err);
}
