/* request_flow.h - inside of the layer: leads a request through its states, see request.h.
 *
 * libmicrohttpd calls the access handler once with the headers, once for each piece of body, once
 * when the request is complete, and again after each resume. Its completed-callback alone frees the
 * request. The loop's thread only. */
#ifndef HTTP_REQUEST_FLOW_H
#define HTTP_REQUEST_FLOW_H

#include <microhttpd.h>
#include <stddef.h>

/* MHD_AccessHandlerCallback; cls is the loop. */
enum MHD_Result request_flow_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_len, void **ctx);

/* MHD_RequestCompletedCallback; cls is the loop. */
void request_flow_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                            enum MHD_RequestTerminationCode why);

#endif
