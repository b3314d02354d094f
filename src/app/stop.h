/* stop.h - waits for the signal that ends the service, and ends the service. Main's thread. */
#ifndef APP_STOP_H
#define APP_STOP_H

#include <stdint.h>

struct service;

/* Waits for a signal until `until_ns`. Returns its number, or 0 if none came. Meanwhile main takes
 * its samples and reports to the service manager. */
int stop_await_signal(struct service *service, int64_t until_ns);

/* Drains and stops the service within SHUTDOWN_TIMEOUT. A second signal ends the draining. The
 * process ends at a third one, or 5 s after the draining if SHUTDOWN_TIMEOUT is over by then. */
void stop_service(struct service *service);

/* Stops a service that does not listen yet, at once. */
void stop_unserved(struct service *service);

#endif
