/* head.c - see head.h. All headers are read in one pass. The table `fields` has the names of the
 * headers that we need. raw_framing.h finds bytes that libmicrohttpd does not show. */
#include "http/message/head.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "http/message/host.h"
#include "http/message/raw_framing.h"
#include "http/message/token.h"

enum field {
    FIELD_LENGTH, /* the first three fields are framing headers */
    FIELD_TRANSFER,
    FIELD_HOST,
    FIELD_TYPE, /* from here to FIELD_ORIGIN: may be given only once */
    FIELD_IDEMPOTENCY_KEY,
    FIELD_ORIGIN,
    FIELD_ENCODING,
    FIELD_EXPECT,
    FIELD_REQUEST_ID,
    FIELD_TRACEPARENT,
    FIELD_ACCEPT,
    FIELD_AUTHORIZATION,
    FIELDS,
};

#define NAMED(text)                                                                                \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static const struct {
    const char *name;
    size_t len;
} fields[FIELDS] = {
    [FIELD_LENGTH] = NAMED("Content-Length"),
    [FIELD_TRANSFER] = NAMED("Transfer-Encoding"),
    [FIELD_HOST] = NAMED("Host"),
    [FIELD_TYPE] = NAMED("Content-Type"),
    [FIELD_IDEMPOTENCY_KEY] = NAMED("Idempotency-Key"),
    [FIELD_ORIGIN] = NAMED("Origin"),
    [FIELD_ENCODING] = NAMED("Content-Encoding"),
    [FIELD_EXPECT] = NAMED("Expect"),
    [FIELD_REQUEST_ID] = NAMED("X-Request-Id"),
    [FIELD_TRACEPARENT] = NAMED("traceparent"),
    [FIELD_ACCEPT] = NAMED("Accept"),
    [FIELD_AUTHORIZATION] = NAMED("Authorization"),
};

enum { SHOWN_MAX = 40 }; /* the most bytes of the client that a fault text quotes */

struct reading {
    const char *value[FIELDS]; /* the first value of each field; NULL: absent */
    bool repeated[FIELDS];
    bool expects_continue; /* one of the values of Expect is 100-continue */
    struct raw_framing *raw;
    struct buf *fault; /* empty while nothing is wrong */
};

static bool is_framing(enum field field)
{
    return field <= FIELD_HOST;
}

static bool note(struct reading *reading, enum field field, const char *value)
{
    if (field == FIELD_EXPECT && value != NULL && strcasecmp(value, "100-continue") == 0)
        reading->expects_continue = true;
    if (reading->value[field] == NULL) {
        reading->value[field] = value != NULL ? value : "";
        return true;
    }
    reading->repeated[field] = true;
    if (!is_framing(field))
        return true;
    buf_printf(reading->fault, "%s is given twice; give it once.", fields[field].name);
    return false;
}

static bool note_lookalike(struct reading *reading, const char *name, enum field field)
{
    buf_printf(reading->fault,
               "The header name \"%.*s\" begins like %s and is another; leave it out.", SHOWN_MAX,
               name, fields[field].name);
    return false;
}

/* Notes a header that we need. Rejects a name that only begins like a framing header, such as
 * "Content-Length-X" or a name to which libmicrohttpd has appended a folded line. A proxy might
 * take such a header for the framing header. */
static bool take(struct reading *reading, const char *name, size_t len, const char *value)
{
    for (enum field field = 0; field < FIELDS; field++) {
        size_t want = fields[field].len;
        bool may_fit = len == want || (len > want && is_framing(field));
        if (!may_fit || strncasecmp(name, fields[field].name, want) != 0)
            continue;
        return len == want ? note(reading, field, value) : note_lookalike(reading, name, field);
    }
    return true;
}

static void cut_blanks(const char *value)
{
    char *end = strchr(value, '\0');
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
}

static bool is_transfer(const char *name, size_t len)
{
    return len == fields[FIELD_TRANSFER].len &&
           strncasecmp(name, fields[FIELD_TRANSFER].name, len) == 0;
}

static enum MHD_Result read_one(void *cls, enum MHD_ValueKind kind, const char *name, size_t len,
                                const char *value, size_t value_len)
{
    (void)kind;
    struct reading *reading = cls;
    bool sound = false;
    raw_framing_header(reading->raw, name, len, value, value_len);
    if (len == 0)
        buf_add_str(reading->fault, "A header has no name before its colon.");
    else if (token_length(name, len) < len)
        buf_printf(reading->fault,
                   "The header name \"%.*s\" is no token: it may hold no blank, no line break and "
                   "none of (),/:;<=>?@[]{} and such.",
                   SHOWN_MAX, name);
    else if (value_len > 0 && memchr(value, '\r', value_len) != NULL)
        buf_printf(reading->fault, "The value of %.*s holds a CR; a header ends with CRLF.",
                   SHOWN_MAX, name);
    else
        sound = take(reading, name, len, value);
    if (value != NULL && !is_transfer(name, len))
        cut_blanks(value);
    return sound ? MHD_YES : MHD_NO;
}

static void check_transfer(const struct reading *reading, bool http_1_0)
{
    const char *transfer = reading->value[FIELD_TRANSFER];
    if (reading->value[FIELD_LENGTH] != NULL)
        buf_add_str(reading->fault,
                    "Content-Length and Transfer-Encoding are both given; give one of them.");
    else if (strcasecmp(transfer, "chunked") != 0)
        buf_printf(reading->fault, "Transfer-Encoding is \"%.*s\"; the only one taken is chunked.",
                   SHOWN_MAX, transfer);
    else if (http_1_0)
        buf_add_str(reading->fault,
                    "Transfer-Encoding is given with HTTP/1.0; give Content-Length instead.");
}

static void check_host(const struct reading *reading, bool http_1_0)
{
    const char *value = reading->value[FIELD_HOST];
    struct host host;
    if (value == NULL && !http_1_0)
        buf_add_str(reading->fault, "Host is missing; HTTP/1.1 requires one.");
    if (value != NULL && !host_read(value, strlen(value), &host))
        buf_printf(reading->fault,
                   "Host is \"%.*s\"; it must be one name or address, with or without a port.",
                   SHOWN_MAX, value);
}

static void check_framing(const struct reading *reading, const char *version)
{
    bool http_1_0 = strcmp(version, "HTTP/1.0") == 0;
    if (reading->value[FIELD_TRANSFER] != NULL)
        check_transfer(reading, http_1_0);
    if (reading->fault->len == 0)
        check_host(reading, http_1_0);
}

static void check_raw_framing(const struct reading *reading)
{
    if (reading->fault->len == 0 && !raw_framing_is_whole(reading->raw))
        buf_add_str(reading->fault,
                    "The header section has a NUL, a line that ends without CRLF, a folded line, a "
                    "header without a name, or more than one blank in the request line.");
}

/* Returns the value of a header that is given once. Returns NULL if it is given twice, because no
 * rule says which value counts. */
static const char *the_only(const struct reading *reading, enum field field)
{
    return reading->repeated[field] ? NULL : reading->value[field];
}

static const char *repeated_name(const struct reading *reading)
{
    for (enum field field = FIELD_TYPE; field <= FIELD_ORIGIN; field++)
        if (reading->repeated[field])
            return fields[field].name;
    return NULL;
}

bool head_read(struct MHD_Connection *mhd, struct raw_framing *raw, const char *version,
               struct http_head *head, struct buf *fault)
{
    struct reading reading = { .raw = raw, .fault = fault };
    (void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, read_one, &reading);
    const char *length = reading.value[FIELD_LENGTH];
    *head = (struct http_head){
        .host = reading.value[FIELD_HOST],
        .origin = reading.value[FIELD_ORIGIN],
        .content_type = reading.value[FIELD_TYPE],
        .content_encoding = reading.value[FIELD_ENCODING],
        .request_id = the_only(&reading, FIELD_REQUEST_ID),
        .traceparent = the_only(&reading, FIELD_TRACEPARENT),
        .authorization = reading.value[FIELD_AUTHORIZATION],
        .repeated = repeated_name(&reading),
        .authorization_twice = reading.repeated[FIELD_AUTHORIZATION],
        /* libmicrohttpd has already rejected a value that is no number or too large */
        .content_length = length != NULL ? strtoull(length, NULL, 10) : 0,
        .has_length = length != NULL,
        .chunked = reading.value[FIELD_TRANSFER] != NULL,
        .expects_continue = reading.expects_continue,
        .has_accept = reading.value[FIELD_ACCEPT] != NULL,
        .encoding_repeated = reading.repeated[FIELD_ENCODING],
    };
    check_raw_framing(&reading);
    if (fault->len == 0)
        check_framing(&reading, version);
    return fault->len == 0;
}
