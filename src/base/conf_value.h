/* conf_value.h - parses and prints single values of the configuration table. Internal to
 * conf*.c. */
#ifndef BASE_CONF_VALUE_H
#define BASE_CONF_VALUE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/conf.h"

struct buf;

/* Writes the member. Returns false, and writes nothing, if the text is no valid value or out of
 * bounds. */
bool conf_parse(const struct conf_opt *opt, const char *text, void *member) MUST_CHECK;

/* Prints the value in a form that conf_parse() accepts, in its largest whole unit: "10m", "4MiB",
 * "true". */
void conf_show(const struct conf_opt *opt, const void *member, struct buf *out);

/* Prints which values the row accepts: "a duration from 1ms to 1h", "one of json, text". */
void conf_show_bounds(const struct conf_opt *opt, struct buf *out);

/* Print the name "http_port" as "--http-port" and as "HTTP_PORT". */
void conf_show_flag(const char *name, struct buf *out);
void conf_show_env(const char *name, struct buf *out);

#endif
