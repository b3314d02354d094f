/* check.h - CHECK(x): a programmer's error ends the process, in release builds too. One CHECK, one
 * condition, so that the message says which. Never for what a peer, a user or the system can do. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include "base/attr.h"

#define CHECK(cond) ((cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__))

void check_failed(const char *what, const char *file, int line) NORETURN;

#endif
