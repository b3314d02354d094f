/* check.h - CHECK(condition) aborts the process if a programmer's error makes the condition false,
 * in release builds too. Check one condition at a time, so that the message says which one was
 * false. Never check what a peer, a user or the system can cause. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include "base/attr.h"

#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))

void check_failed(const char *what, const char *file, int line) NORETURN;

#endif
