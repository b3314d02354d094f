/* stop.h - waits for the signal that ends the service, and ends the service. Threads: main only. */
#ifndef APP_STOP_H
#define APP_STOP_H

#include <stdint.h>

struct service;

/* Waits for a signal until `until_ns`. Returns the signal's number, or 0 if none came. Meanwhile
 * main takes its samples and reports to the service manager. */
int stop_await_signal(struct service *service, int64_t until_ns);

/* Drains the service and then stops it. SIGTERM or SIGINT during the draining ends the draining;
 * SIGTERM or SIGINT during the stopping ends the process at once.
 *
 * If something blocks the stopping, the process is ended 5 s after the draining. If
 * SHUTDOWN_TIMEOUT ends later than that, and no signal ended the draining, the process is ended
 * when SHUTDOWN_TIMEOUT is over. */
void stop_service(struct service *service);

/* Stops a service that does not listen yet, without draining. If something blocks the stopping, the
 * process is ended after 5 s. */
void stop_unserved(struct service *service);

#endif
