/* head.c - see head.h. One pass over the headers; the names we look for stand in one table. A NUL
 * cannot be refused here: libmicrohttpd 0.9.75 shows a value only up to it. */
#include "http/head.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum field {
    FIELD_LENGTH, /* the first three are framing */
    FIELD_TRANSFER,
    FIELD_HOST,
    FIELD_TYPE,
    FIELD_ENCODING,
    FIELD_EXPECT,
    FIELD_REQUEST_ID,
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
    [FIELD_ENCODING] = NAMED("Content-Encoding"),
    [FIELD_EXPECT] = NAMED("Expect"),
    [FIELD_REQUEST_ID] = NAMED("X-Request-Id"),
    [FIELD_AUTHORIZATION] = NAMED("Authorization"),
};

struct reading {
    const char *value[FIELDS]; /* the first of each */
    bool twice[FIELDS];
    const char *fault;
};

static bool is_framing(enum field field)
{
    return field <= FIELD_HOST;
}

/* RFC 9110, 5.6.2. */
static bool is_token(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr("-_!#$%&'*+.^`|~", c) == NULL))
            return false;
    }
    return len > 0;
}

static const char *note(struct reading *reading, enum field field, const char *value)
{
    if (reading->value[field] == NULL)
        reading->value[field] = value;
    else if (is_framing(field))
        return "Content-Length, Transfer-Encoding or Host is given twice.";
    else
        reading->twice[field] = true;
    return NULL;
}

/* A name that only begins like a framing header ("Content-Length ", a folded line) is how a proxy
 * and we would be made to disagree. */
static const char *take(struct reading *reading, const char *name, size_t len, const char *value)
{
    for (enum field field = 0; field < FIELDS; field++) {
        size_t want = fields[field].len;
        bool may_fit = len == want || (len > want && is_framing(field));
        if (!may_fit || strncasecmp(name, fields[field].name, want) != 0)
            continue;
        return len == want ? note(reading, field, value)
                           : "A header name only begins like Content-Length, Transfer-Encoding "
                             "or Host.";
    }
    return NULL;
}

static enum MHD_Result read_one(void *cls, enum MHD_ValueKind kind, const char *name, size_t len,
                                const char *value, size_t value_len)
{
    (void)kind;
    struct reading *reading = cls;
    if (!is_token(name, len))
        reading->fault = "A header name is not a token.";
    else if (memchr(value, '\r', value_len) != NULL)
        reading->fault = "A header value holds CR.";
    else
        reading->fault = take(reading, name, len, value);
    return reading->fault == NULL ? MHD_YES : MHD_NO;
}

static const char *framing_fault(const struct reading *reading, const char *version)
{
    const char *transfer = reading->value[FIELD_TRANSFER];
    bool http_1_0 = strcmp(version, "HTTP/1.0") == 0;
    if (transfer != NULL && reading->value[FIELD_LENGTH] != NULL)
        return "Content-Length and Transfer-Encoding exclude each other.";
    if (transfer != NULL && strcasecmp(transfer, "chunked") != 0)
        return "The only Transfer-Encoding taken is chunked.";
    if (transfer != NULL && http_1_0)
        return "HTTP/1.0 has no Transfer-Encoding.";
    if (reading->value[FIELD_HOST] == NULL && !http_1_0)
        return "Host is missing.";
    return NULL;
}

const char *head_read(struct MHD_Connection *mhd, const char *version, struct http_head *head)
{
    struct reading reading = { .fault = NULL };
    (void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, read_one, &reading);
    const char *length = reading.value[FIELD_LENGTH], *expect = reading.value[FIELD_EXPECT];
    *head = (struct http_head){
        .content_type = reading.value[FIELD_TYPE],
        .content_encoding = reading.value[FIELD_ENCODING],
        .request_id = reading.value[FIELD_REQUEST_ID],
        .authorization = reading.value[FIELD_AUTHORIZATION],
        .authorization_twice = reading.twice[FIELD_AUTHORIZATION],
        /* digits that fit, or libmicrohttpd would have refused them */
        .content_length = length != NULL ? strtoull(length, NULL, 10) : 0,
        .has_length = length != NULL,
        .chunked = reading.value[FIELD_TRANSFER] != NULL,
        .expects_continue = expect != NULL && strcasecmp(expect, "100-continue") == 0,
    };
    return reading.fault != NULL ? reading.fault : framing_fault(&reading, version);
}
