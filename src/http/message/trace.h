/* trace.h - inside of the layer: the trace id of a traceparent header (W3C Trace Context).
 *
 * We take part in a trace by naming it in our log lines, and pass nothing on. A malformed
 * header is ignored, as the recommendation demands, and the request is not rejected. */
#ifndef HTTP_MESSAGE_TRACE_H
#define HTTP_MESSAGE_TRACE_H

#include <stdbool.h>

#include "base/attr.h"

enum { TRACE_ID_SIZE = 33 };

/* Reads the trace id of "00-<32 lower-case hex digits>-<16>-<2>". Of a later version only these
 * four fields count. Returns false if the header is malformed: then nothing is written. */
bool trace_read(const char *traceparent, char out[TRACE_ID_SIZE]) MUST_CHECK;

#endif
