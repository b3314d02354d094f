/* database_check.h - the pool's health check of ordersd: is all there that an order needs?
 *
 * Threads    database_check_query() and database_check_verdict() run on the pool's janitor thread:
 *            their types are those of pqpool_options.health_query and health_verdict. The others:
 *            any. */
#ifndef APP_DATABASE_CHECK_H
#define APP_DATABASE_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>

struct err;
struct pg_result;
struct service;

struct database_check {
    atomic_bool begun; /* the schema is ours, so the table can be checked */
    atomic_bool made;  /* there was a verdict about the table */
    /* what has been logged; the pool's */
    bool told_fsync_off, told_unlogged, told_blind;
};

/* From here on a check asks for the table, and the first one is made at once. Until then it asks
 * DATABASE_VALIDATION_QUERY: a table that no migration has made yet is no fault. */
void database_check_begin(struct service *service);

const char *database_check_query(void *service);
bool database_check_verdict(void *service, const struct pg_result *last, unsigned before,
                            struct err *err);

/* Has the table been checked since the schema is ours? */
bool database_check_made(const struct service *service);

#endif
