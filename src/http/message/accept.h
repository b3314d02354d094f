/* accept.h - inside of the layer: how an Accept header ranks a media type (RFC 9110, 12.5.1).
 *
 * The most specific range that matches a type counts: the type with one of its parameters, then the
 * type alone, then a range for all subtypes, then the range for all types. If range and type have a
 * parameter of the same name, the values must be equal: a client that asks for version=0.0.1 does
 * not accept "application/openmetrics-text; version=1.0.0". Other parameters of the range, such as
 * charset, exclude nothing. */
#ifndef HTTP_MESSAGE_ACCEPT_H
#define HTTP_MESSAGE_ACCEPT_H

#include <stdbool.h>

#include "base/attr.h"

enum { ACCEPT_QUALITY_MAX = 1000 };

/* The rank of one type. It starts as ACCEPT_UNREAD, and each Accept field of the request is read
 * into it, since several fields are one list. */
struct accept_match {
    int specificity; /* of the range that counts; 0: none matched */
    int quality;     /* 0..ACCEPT_QUALITY_MAX, of that range */
    bool any_range;  /* there was a range at all */
    bool malformed;
};

#define ACCEPT_UNREAD ((struct accept_match){ 0 })

void accept_read(struct accept_match *match, const char *value, const char *media_type);

/* 0: not acceptable. An Accept that is empty or malformed counts as absent, and so accepts all. */
int accept_quality(const struct accept_match *match) MUST_CHECK;

/* Is `a` preferred to `b`: by quality, and where that is equal by being named more exactly? */
bool accept_prefers(const struct accept_match *a, const struct accept_match *b) MUST_CHECK;

#endif
