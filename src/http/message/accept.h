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

/* The rank of one media type. It starts as ACCEPT_UNREAD. accept_read() then reads each Accept
 * field of the request into it, since several fields are one list. */
struct accept_match {
    int specificity; /* the specificity of the range that counts; 0: no range matched */
    int quality;     /* the quality of that range, 0..ACCEPT_QUALITY_MAX */
    bool any_range;  /* Accept has at least one range */
    bool malformed;
};

#define ACCEPT_UNREAD ((struct accept_match){ 0 })

void accept_read(struct accept_match *match, const char *value, const char *media_type);

/* Returns the quality of the media type. 0 means that the type is not acceptable. If Accept is
 * absent, empty or malformed, every type has ACCEPT_QUALITY_MAX. */
int accept_quality(const struct accept_match *match) MUST_CHECK;

/* Returns true if the media type of `a` is preferred to that of `b`. It is preferred if its quality
 * is higher, or if the qualities are equal and Accept names it more exactly. */
bool accept_prefers(const struct accept_match *a, const struct accept_match *b) MUST_CHECK;

#endif
