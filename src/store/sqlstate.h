/* sqlstate.h - the error table of design.md section 4: what an error allows for a group. */
#ifndef STORE_SQLSTATE_H
#define STORE_SQLSTATE_H

#include "orders/order_store.h"
#include "pqpool/pqpool.h"

/* Of an SQLSTATE that the server sent. */
enum store_action sqlstate_action(const char *sqlstate);

/* Of a pqpool_exec() that was not OK; err is what it wrote. */
enum store_action exec_action(enum pqpool_rc rc, const struct err *err);

/* The same for a read, which has no group to split: is it the server's state, and not our query? */
bool exec_is_passing(enum pqpool_rc rc, const struct err *err);

#endif
