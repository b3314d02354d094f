/* mhd_errors.c - see mhd_errors.h. */
#include "http/mhd_errors.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <string.h>

#include "http/conn.h"
#include "http/loop.h"
#include "http/message/raw_framing.h"
#include "http/raw_reject.h"

/* `format` is a message that libmicrohttpd logs. Returns the reason to reject the request if
 * libmicrohttpd 0.9.75 logs this message just before it makes an answer with two header sections
 * (see mhd_errors.h). Otherwise returns REJECT_NONE. */
static enum reject_reason reason_of(const char *format)
{
    static const struct {
        const char *prefix;
        enum reject_reason reason;
    } rows[] = {
        { "Failed to parse `Content-Length'", REJECT_LENGTH },
        { "Too large value of 'Content-Length'", REJECT_TOO_LARGE },
        { "Not enough memory in pool", REJECT_COOKIES },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strncmp(format, rows[i].prefix, strlen(rows[i].prefix)) == 0)
            return rows[i].reason;
    return REJECT_NONE;
}

/* Returns true if the headers are complete, and have been neither passed to request_flow_access()
 * nor answered. Only the connection whose headers libmicrohttpd checks now is in this state. */
static bool is_being_checked(const struct http_conn *conn)
{
    return conn->req == NULL && conn->state != HTTP_CONN_CUT &&
           MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE) != NULL &&
           MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_HTTP_STATUS) == NULL;
}

static bool is_lack_of_descriptors(const char *format)
{
    static const char prefix[] = "Hit process or system resource limit at %u";
    return strncmp(format, prefix, sizeof prefix - 1) == 0;
}

void mhd_errors_note(void *cls, const char *format, va_list args)
{
    (void)args;
    struct http_loop *loop = cls;
    loop->starved = loop->starved || is_lack_of_descriptors(format);
    enum reject_reason reason = raw_framing_is_shown() ? reason_of(format) : REJECT_NONE;
    if (reason == REJECT_NONE)
        return;
    LIST_EACH (conn, &loop->conns, struct http_conn, link)
        if (is_being_checked(conn)) {
            raw_reject(conn, reason);
            return;
        }
}
