/* stop.h - waiting for the end of the service, and bringing it about. Main's thread. */
#ifndef APP_STOP_H
#define APP_STOP_H

#include <stdint.h>

struct service;

/* A signal's number, or 0 when the moment has come. Meanwhile the samples are taken, and the
 * service manager hears how it goes. */
int stop_await_signal(struct service *service, int64_t until_ns);

/* Drains and stops the service within SHUTDOWN_TIMEOUT. A second signal ends the draining, a third
 * one the process, and so does time: 5 s after the draining, if SHUTDOWN_TIMEOUT is over by then.
 */
void stop_service(struct service *service);

#endif
