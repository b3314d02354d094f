/* reject.h - the reasons for which src/http rejects a request itself, and the problem document of
 * each reason. Any thread may call these functions. Internal to http. */
#ifndef HTTP_MESSAGE_REJECT_H
#define HTTP_MESSAGE_REJECT_H

#include <stdbool.h>

#include "base/attr.h"

struct http_problem;

enum reject_reason {
    REJECT_NONE,
    REJECT_FRAMING,
    REJECT_LENGTH,
    REJECT_REPEATED,
    REJECT_COOKIES,
    REJECT_CONNECTIONS,
    REJECT_ADDRESS,
    REJECT_TARGET,
    REJECT_HOST,
    REJECT_ORIGIN,
    REJECT_NOT_FOUND,
    REJECT_METHOD,
    REJECT_NO_CLIENT_CERTIFICATE,
    REJECT_CLIENT_CERTIFICATE,
    REJECT_KEY_MISSING,
    REJECT_KEY_MALFORMED,
    REJECT_KEY_UNKNOWN,
    REJECT_CONTENT_TYPE,
    REJECT_CONTENT_ENCODING,
    REJECT_NOT_ACCEPTABLE,
    REJECT_NO_LENGTH,
    REJECT_TOO_LARGE,
    REJECT_RATE,
    REJECT_OVERLOADED,
    REJECT_OFFLOAD_LATE,
    REJECT_GZIP,
    REJECT_TIMEOUT,
    REJECT_CLOSING,
};
enum { REJECT_REASONS = REJECT_CLOSING + 1 };

/* Returns the problem document of the reason. Its detail is NULL if the detail depends on the
 * request: then reject_detail.h makes it. */
struct http_problem reject_problem(enum reject_reason reason);

/* Returns true if the connection is closed after an answer with this reason. */
bool reject_closes(enum reject_reason reason) MUST_CHECK;

/* Returns the reason phrase of the status line. */
const char *reject_phrase(enum reject_reason reason);

#endif
