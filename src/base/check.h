/* check.h - CHECK(condition) aborts the process if the condition is false, in release builds too. A
 * false condition must be a programmer's error: never check what a peer, a user or the system can
 * cause. Check one condition at a time, so that the message says which one was false. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include "base/attr.h"

#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))

void check_failed(const char *what, const char *file, int line) NORETURN;

#endif
