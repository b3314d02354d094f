/* accept.h - inside of the layer: what an Accept header thinks of a media type (RFC 9110, 12.5.1).
 *
 * Of the ranges that match a type the most specific one counts: the type with a parameter of its,
 * the bare type, then all subtypes, then anything. A parameter counts only where the type has one
 * of that name: then the two must be equal. So "application/openmetrics-text; version=1.0.0" is not
 * what a client asks for with version=0.0.1, and charset and escaping, which our types do not name,
 * exclude nothing. */
#ifndef HTTP_MESSAGE_ACCEPT_H
#define HTTP_MESSAGE_ACCEPT_H

#include <stdbool.h>

#include "base/attr.h"

enum { ACCEPT_QUALITY_MAX = 1000 };

/* How a type fares; starts as ACCEPT_UNREAD, and each Accept field of the request is read into it,
 * since several make one list. */
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
