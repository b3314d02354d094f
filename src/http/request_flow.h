/* request_flow.h - leads a request through its states, see request.h. Internal to http.
 *
 * libmicrohttpd calls request_flow_access() once with the headers, once for each piece of body,
 * once when the request is complete, and again after each resume. Only request_flow_completed()
 * frees the request. */
#ifndef HTTP_REQUEST_FLOW_H
#define HTTP_REQUEST_FLOW_H

#include <microhttpd.h>
#include <stddef.h>

/* The MHD_AccessHandlerCallback. `cls` is the loop, and *ctx is the request, or NULL before the
 * first call. */
enum MHD_Result request_flow_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_len, void **ctx);

/* The MHD_RequestCompletedCallback. `cls` is the loop, and *ctx is the request. */
void request_flow_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                            enum MHD_RequestTerminationCode why);

#endif
