/* options.h - the whole configuration in one struct. The table in options.c has each member's
 * meaning, default and bounds, and docs/CONFIGURATION.md is made from that table.
 *
 * A member has the name of its option, plus its unit: HTTP_READ_TIMEOUT is http.read_timeout_ns. A
 * string that is not set is "", never NULL. */
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
    struct {
        char url[4096]; /* "": use libpq's PG* variables */
        char password[1024];
        char password_file[1024];
        int start; /* enum options_start */
        bool migrate;
        bool prepare;
        bool require_sync_standby;
    } database;

    struct { /* the options of pqpool/options.def: DATABASE_MAX_POOL_SIZE is pool.max_pool_size */
#define PQPOOL_COUNT(name, ...) uint32_t name;
#define PQPOOL_SPAN(name, ...) int64_t name##_ns;
#define PQPOOL_FACTOR(name, ...) double name;
#define PQPOOL_SWITCH(name, ...) bool name;
#define PQPOOL_QUERY(name, ...) char name[256];
#include "pqpool/options.def"
    } pool;

    struct {
        char address[64]; /* IPv4 or IPv6, numeric */
        uint32_t port;    /* 0: any free port */
        uint32_t threads;
        uint32_t max_connections;
        uint32_t max_connections_per_address; /* 0: no limit */
        uint64_t max_body_bytes, bodies_max_bytes, header_max_bytes;
        int64_t read_timeout_ns, idle_timeout_ns;
        char allowed_hosts[1024]; /* separated by commas */
    } http;

    int auth; /* enum options_auth */
    char api_keys_file[1024];
    bool auth_metrics;

    struct {
        char cert_file[1024], key_file[1024], client_ca_file[1024];
    } tls;

    struct {
        uint32_t workers, readers;
        uint32_t queue_capacity;
        uint64_t queue_max_bytes;
        int64_t queue_wait_max_ns;
        uint32_t group_max, batch_max;
        int64_t commit_timeout_ns;
    } orders;

    uint64_t memory_max_bytes; /* 0: computed, see app/memory.h */
    struct {
        int64_t timeout_ns, delay_ns;
    } shutdown;
    bool core_dumps;
    struct {
        int level;  /* enum log_level */
        int format; /* enum options_log_format */
    } log;
};

extern const struct conf_table options_table;

/* Returns the number of loops that HTTP_THREADS=0 stands for. */
uint32_t options_loops(uint32_t cores) MUST_CHECK;

/* Loads defaults, environment and flags, then calls options_check(). HTTP_THREADS=0 is replaced by
 * options_loops() of the processors that the process may use. On failure *options is unchanged, and
 * *err names the option, its value and what would be right. */
bool options_load(struct options *options, int argc, char *const argv[], char *const env[],
                  struct err *err) MUST_CHECK;

/* Checks the rules between several options. conf.h checks the bounds of each single option. */
bool options_check(const struct options *options, struct err *err) MUST_CHECK;

#endif
