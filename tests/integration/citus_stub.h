/* citus_stub.h - tables and functions that are named as those of Citus 13, in a PostgreSQL without
 * Citus. They record what they are asked to do, and do not distribute anything. So they serve for
 * the decisions of ordersd about what Citus reports; test_store_citus.c tests with Citus itself,
 * where that is installed. */
#ifndef CITUS_STUB_H
#define CITUS_STUB_H

/* A coordinator with two nodes, on which nothing is distributed. */
#define CITUS_STUB                                                                                 \
    "SET allow_system_table_mods = on; "                                                           \
    "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion) " \
    "VALUES (99999, 'citus', 10, 2200, false, 'stub'); "                                           \
    "CREATE TABLE pg_dist_local_group (groupid int); "                                             \
    "INSERT INTO pg_dist_local_group VALUES (0); "                                                 \
    "CREATE TABLE pg_dist_node (nodename text, nodeport int, isactive bool, "                      \
    "shouldhaveshards bool, noderole text, answers bool DEFAULT true); "                           \
    "INSERT INTO pg_dist_node VALUES ('w1', 5432, true, true, 'primary'), "                        \
    "('w2', 5433, true, true, 'primary'), ('w0', 5434, true, false, 'primary'); "                  \
    "CREATE TABLE pg_dist_partition (logicalrelid regclass, partmethod \"char\", partkey text); "  \
    "CREATE TABLE pg_dist_shard (logicalrelid regclass); "                                         \
    "CREATE FUNCTION column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS "          \
    "'SELECT $2'; "                                                                                \
    "CREATE FUNCTION create_distributed_table(table_name regclass, distribution_column text, "     \
    "colocate_with text, shard_count int) RETURNS void LANGUAGE sql AS $$ "                        \
    "INSERT INTO pg_dist_partition VALUES (table_name, 'h', distribution_column); "                \
    "INSERT INTO pg_dist_shard SELECT table_name FROM generate_series(1, shard_count) $$; "        \
    "CREATE FUNCTION create_reference_table(regclass) RETURNS void LANGUAGE sql AS "               \
    "$$ INSERT INTO pg_dist_partition VALUES ($1, 'n', NULL) $$; "                                 \
    "CREATE FUNCTION run_command_on_workers(command text) RETURNS TABLE (nodename text, "          \
    "nodeport int, success bool, result text) LANGUAGE sql AS "                                    \
    "'SELECT nodename, nodeport, answers, NULL FROM pg_dist_node'; "                               \
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO public; "                                      \
    "ALTER DATABASE postgres SET citus.max_cached_conns_per_worker = 1"

#endif
