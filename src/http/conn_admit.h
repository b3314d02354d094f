/* conn_admit.h - inside of the layer: admits a new connection within the limits or into the
 * reserve, and frees it when it is closed. Called by the loop's thread only. */
#ifndef HTTP_CONN_ADMIT_H
#define HTTP_CONN_ADMIT_H

#include <microhttpd.h>

/* The MHD_NotifyConnectionCallback, which libmicrohttpd calls for each new and each closed
 * connection. `cls` is the loop. */
void conn_admit_notify(void *cls, struct MHD_Connection *mhd, void **socket_context,
                       enum MHD_ConnectionNotificationCode code);

#endif
