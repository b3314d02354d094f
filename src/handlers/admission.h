/* admission.h - checks, before a body is read, whether any order can be accepted. */
#ifndef HANDLERS_ADMISSION_H
#define HANDLERS_ADMISSION_H

#include <stdbool.h>

#include "base/attr.h"

struct handlers;
struct http_request;

/* Rejects the request and returns false if the database is down, if its schema is not ready, or if
 * DATABASE_REQUIRE_SYNC_STANDBY is set and no synchronous standby is known. Loop thread only. */
bool admission_check(struct handlers *handlers, struct http_request *req) MUST_CHECK;

#endif
