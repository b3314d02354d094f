/* steady.h - what the counted programs share: time that no machine can slow down, and windows.
 *
 * The linker replaces two functions (counted.cmake), so that each run goes the same way. Each
 * clock_gettime() is 1 us later than the one before. epoll_wait() ends by an event only: a thread
 * that has nothing to do does nothing. */
#ifndef COSTS_STEADY_H
#define COSTS_STEADY_H

/* The socket to tests/costs/costs, of the environment variable COSTS_FD. */
int steady_socket(void);

/* Answers each byte from the socket: 'w' ends a window of counting, at any other `work` is called.
 * At the socket's end the process ends. For a thread that does nothing else. */
_Noreturn void steady_serve(void (*work)(void));

#endif
