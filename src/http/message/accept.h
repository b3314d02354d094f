/* accept.h - ranks a media type by an Accept header (RFC 9110, 12.5.1). Internal to http.
 *
 * If several ranges match a type, the most specific range counts. The kinds of ranges, from the
 * most to the least specific: a type with a parameter, a type alone, all subtypes ("text/" and a
 * star), all types. If range and type have a parameter of the same name, the values must be equal:
 * a client that asks for version=0.0.1 does not accept "application/openmetrics-text;
 * version=1.0.0". A parameter that only the range has, such as charset, excludes nothing. */
#ifndef HTTP_MESSAGE_ACCEPT_H
#define HTTP_MESSAGE_ACCEPT_H

#include <stdbool.h>

#include "base/attr.h"

enum { ACCEPT_QUALITY_MAX = 1000 };

/* The rank of one media type. It starts as ACCEPT_UNREAD. Call accept_read() for each Accept header
 * of the request: the ranges of several headers are one list. */
struct accept_match {
    int specificity; /* of the most specific range that matched; 0: none matched */
    int quality;     /* the quality of that range, 0..ACCEPT_QUALITY_MAX */
    bool any_range;  /* Accept has at least one range */
    bool malformed;
};

#define ACCEPT_UNREAD ((struct accept_match){ 0 })

void accept_read(struct accept_match *match, const char *value, const char *media_type);

/* Returns the quality of the media type. 0 means that the type is not acceptable. If Accept is
 * absent, empty or malformed, every type has ACCEPT_QUALITY_MAX. */
int accept_quality(const struct accept_match *match) MUST_CHECK;

/* Returns true if the client prefers the media type of `a` to that of `b`: the quality of `a` is
 * higher, or the qualities are equal and the range that matched `a` is more specific. */
bool accept_prefers(const struct accept_match *a, const struct accept_match *b) MUST_CHECK;

#endif
