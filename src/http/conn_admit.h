/* conn_admit.h - admits a new connection within the limits or into the reserve, and frees the
 * struct http_conn of a closed one. Internal to http; called by the loop's thread only. */
#ifndef HTTP_CONN_ADMIT_H
#define HTTP_CONN_ADMIT_H

#include <microhttpd.h>

/* The MHD_NotifyConnectionCallback, which libmicrohttpd calls for each new and each closed
 * connection. `cls` is the loop. */
void conn_admit_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                       enum MHD_ConnectionNotificationCode code);

#endif
