/* trace.h - reads the trace id of a traceparent header (W3C Trace Context). Internal to http.
 *
 * Our log lines show the trace id; it is passed to no other service. A malformed header is ignored,
 * as the recommendation demands, and the request is not rejected. */
#ifndef HTTP_MESSAGE_TRACE_H
#define HTTP_MESSAGE_TRACE_H

#include <stdbool.h>

#include "base/attr.h"

enum { TRACE_ID_SIZE = 33 };

/* Reads the trace id of "00-<32 lower-case hex digits>-<16>-<2>". A version above 00 may have more
 * fields. Returns false if the header is malformed: then nothing is written. */
bool trace_read(const char *traceparent, char out[TRACE_ID_SIZE]) MUST_CHECK;

#endif
