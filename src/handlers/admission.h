/* admission.h - what is decided about a post before its body is looked at. */
#ifndef HANDLERS_ADMISSION_H
#define HANDLERS_ADMISSION_H

#include <stdbool.h>

#include "base/attr.h"

struct handlers;
struct http_request;

/* The offload thread reads larger bodies. A body of this size can hold a thousand members, which
 * take 200 us to read. */
enum { BODY_INLINE_MAX = 8 * 1024 };

/* False: there is no database or no schema to write to, and the request was answered. */
bool admission_check(struct handlers *handlers, struct http_request *req) MUST_CHECK;

#endif
