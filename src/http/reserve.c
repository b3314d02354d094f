/* reserve.c - see reserve.h. */
#include "http/reserve.h"

#include "base/clock.h"
#include "http/conn.h"
#include "http/http.h"
#include "http/loop.h"

void reserve_leave(struct http_conn *conn)
{
    if (conn->place != HTTP_CONN_IN_RESERVE)
        return;
    list_remove(&conn->loop->reserve, &conn->reserve_link);
    conn->place = HTTP_CONN_OUTSIDE;
}

static bool has_no_request(const struct http_conn *conn)
{
    switch (conn->state) {
    case HTTP_CONN_HANDSHAKE:
    case HTTP_CONN_IDLE:
    case HTTP_CONN_HEAD:
    case HTTP_CONN_BODY:
    case HTTP_CONN_CUT:
        return true;
    case HTTP_CONN_DEFERRED:
    case HTTP_CONN_SENDING:
        break;
    }
    return false;
}

/* Returns true if an answer is being sent, perhaps to a client that does not read the answer. */
static bool takes_no_answer(const struct http_conn *conn)
{
    return conn->state == HTTP_CONN_SENDING;
}

/* Returns the oldest connection of the reserve for which `fits` returns true, or NULL if no
 * connection fits. If `address` is not NULL, only connections of that address fit. */
static struct http_conn *oldest(const struct list *reserve, const struct address_count *address,
                                bool (*fits)(const struct http_conn *conn))
{
    LIST_EACH (conn, reserve, struct http_conn, reserve_link)
        if (fits(conn) && (address == NULL || conn->address == address))
            return conn;
    return NULL;
}

static bool close_one(const struct list *reserve, const struct address_count *address)
{
    struct http_conn *conn = oldest(reserve, address, has_no_request);
    if (conn == NULL)
        conn = oldest(reserve, address, takes_no_answer);
    if (conn == NULL)
        return false;
    reserve_leave(conn);
    if (conn->state != HTTP_CONN_CUT)
        http_conn_cut(conn);
    return true;
}

static size_t count_of(const struct list *reserve, const struct address_count *address)
{
    size_t n = 0;
    LIST_EACH (conn, reserve, const struct http_conn, reserve_link)
        n += conn->address == address;
    return n;
}

bool reserve_enter(struct http_conn *conn)
{
    struct list *reserve = &conn->loop->reserve;
    const struct address_count *address = conn->address;
    bool crowded = address != NULL && count_of(reserve, address) >= RESERVE_OF_ADDRESS_MAX;
    if (crowded && !close_one(reserve, address))
        return false;
    if (reserve->count >= RESERVE_MAX && !close_one(reserve, NULL))
        return false;
    list_push_back(reserve, &conn->reserve_link);
    conn->place = HTTP_CONN_IN_RESERVE;
    return true;
}

int64_t reserve_until_ns(const struct http_conn *conn, int64_t until_ns)
{
    if (conn->place != HTTP_CONN_IN_RESERVE)
        return until_ns;
    return clock_min(until_ns, conn->opened_at_ns + RESERVE_SPAN_NS);
}

bool reserve_serves(const struct http_route *route)
{
    switch (route->access) {
    case HTTP_PROBE:
    case HTTP_HEALTH:
    case HTTP_FIGURES:
        return true;
    case HTTP_ANYONE:
    case HTTP_WITH_KEY:
        break;
    }
    return false;
}
