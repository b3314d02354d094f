/* options.h - all configuration in one struct. The table in options.c has each member's meaning,
 * default and bounds, and docs/CONFIGURATION.md is made from it.
 *
 * A member is named after its option, plus its unit: HTTP_READ_TIMEOUT is http_read_timeout_ns.
 * Strings are never NULL; a string that is not set is "". */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/conf.h"

struct err;

enum options_start { OPTIONS_START_DEGRADED, OPTIONS_START_FAIL };
enum options_auth { OPTIONS_AUTH_UNSET, OPTIONS_AUTH_NONE, OPTIONS_AUTH_KEYS };
enum options_log_format { OPTIONS_LOG_AUTO, OPTIONS_LOG_JSON, OPTIONS_LOG_TEXT };

struct options {
    /* database */
    char database_url[4096]; /* "": use libpq's PG* variables */
    char database_password[1024];
    char database_password_file[1024];
    int database_start; /* enum options_start */
    bool database_migrate;
    bool database_prepare;

    /* connection pool: the rows of pqpool/options.def, with "database_" before their names */
#define PQPOOL_COUNT(name, ...) uint32_t database_##name;
#define PQPOOL_SPAN(name, ...) int64_t database_##name##_ns;
#define PQPOOL_FACTOR(name, ...) double database_##name;
#define PQPOOL_SWITCH(name, ...) bool database_##name;
#define PQPOOL_QUERY(name, ...) char database_##name[256];
#include "pqpool/options.def"

    /* http */
    char http_address[64]; /* IPv4 or IPv6, numeric */
    uint32_t http_port;    /* 0: any free port */
    uint32_t http_threads;
    uint32_t http_max_connections;
    uint32_t http_max_connections_per_address; /* 0: no limit */
    uint64_t http_max_body_bytes, http_bodies_max_bytes, http_header_max_bytes;
    int64_t http_read_timeout_ns, http_idle_timeout_ns;
    char http_allowed_hosts[1024]; /* separated by commas */
    int auth;                      /* enum options_auth */
    char api_keys_file[1024];
    bool auth_metrics;
    char tls_cert_file[1024], tls_key_file[1024], tls_client_ca_file[1024];

    /* orders */
    uint32_t orders_workers, orders_readers;
    uint32_t orders_queue_capacity;
    uint64_t orders_queue_max_bytes;
    int64_t orders_queue_wait_max_ns;
    uint32_t orders_group_max, orders_batch_max;
    int64_t orders_commit_timeout_ns;

    /* process */
    uint64_t memory_max_bytes; /* 0: computed, see app/memory.h */
    int64_t shutdown_timeout_ns, shutdown_delay_ns;
    bool core_dumps;
    int log_level;  /* enum log_level */
    int log_format; /* enum options_log_format */
};

extern const struct conf_table options_table;

/* Loads defaults, environment and flags, then calls options_check(). On failure *options is
 * unchanged, and *err names the option, its value and what would be right. */
bool options_load(struct options *options, int argc, char *const argv[], char *const env[],
                  struct err *err) MUST_CHECK;

/* Checks the rules between options, which the bounds of a single option cannot express. */
bool options_check(const struct options *options, struct err *err) MUST_CHECK;

#endif
