/* stop.h - waits for the signal that ends the service, and ends the service. Main's thread. */
#ifndef APP_STOP_H
#define APP_STOP_H

#include <stdint.h>

struct service;

/* Waits for a signal until `until_ns`. Returns the signal's number, or 0 if none came. Meanwhile
 * main takes its samples and reports to the service manager. */
int stop_await_signal(struct service *service, int64_t until_ns);

/* Drains the service and then stops it. SIGTERM or SIGINT during the draining ends the draining.
 * SIGTERM or SIGINT after the draining ends the process at once.
 *
 * If something blocks the stopping, the process is ended. If a signal ended the draining, that
 * happens 5 s after the draining. Otherwise it happens when SHUTDOWN_TIMEOUT is over, but not
 * earlier than 5 s after the draining. */
void stop_service(struct service *service);

/* Stops at once a service that does not listen yet. If something blocks the stopping, the process
 * ends after 5 s. */
void stop_unserved(struct service *service);

#endif
