/* engine.h - runs the tests of the service and the store on another kind of table, unchanged.
 *
 * Use        ORDERSD_TEST_ENGINE is "partitions": the table of a new database has ENGINE_PARTITIONS
 *            hash partitions. "citus": the cluster loads Citus, and the table is distributed over
 *            this one node. Unset: a plain table. tests/engine runs a program so.
 * Failure    A failure ends the process, with a line that says why.
 * Threads    one thread at a time */
#ifndef SUPPORT_ENGINE_H
#define SUPPORT_ENGINE_H

#include "base/attr.h"

struct cluster;

enum engine { ENGINE_PLAIN, ENGINE_HASH_PARTITIONS, ENGINE_CITUS };
enum { ENGINE_PARTITIONS = 8 };

enum engine engine_wanted(void) MUST_CHECK;

/* Lines for postgresql.conf that the engine needs. */
const char *engine_conf(void) MUST_CHECK;

/* Makes the schema of a new database for the engine, by `ordersd migrate`. Does nothing for a plain
 * table, which the service makes itself. The cluster must run. */
void engine_prepare(struct cluster *cluster);

#endif
