/* conf_value.h - parses and prints single values of the configuration table. Only conf*.c include
 * it. */
#ifndef BASE_CONF_VALUE_H
#define BASE_CONF_VALUE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/conf.h"

struct buf;

/* Parses the text and writes the value to *member. Returns false, and writes nothing, if the text
 * is not a valid value or is out of bounds. */
bool conf_parse(const struct conf_opt *opt, const char *text, void *member) MUST_CHECK;

/* Prints the value in a form that conf_parse() accepts: "10m", "4MiB", "true". A duration or a size
 * is printed in the largest unit that divides it. */
void conf_show(const struct conf_opt *opt, const void *member, struct buf *out);

/* Prints which values the row accepts: "a duration from 1ms to 1h", "one of json, text". */
void conf_show_bounds(const struct conf_opt *opt, struct buf *out);

/* Print the name "http_port" as "--http-port" and as "HTTP_PORT". */
void conf_show_flag(const char *name, struct buf *out);
void conf_show_env(const char *name, struct buf *out);

#endif
