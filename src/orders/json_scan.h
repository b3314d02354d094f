/* json_scan.h - the bytes of JSON tokens as they were written, which a JSON library does not keep:
 * a number's own digits, an object's own spelling.
 *
 * Nothing here judges JSON. Over any bytes it stays within them and ends; its answers mean
 * something over text that jansson accepts (json_too_deep(): up to the first fault that jansson
 * would find). */
#ifndef ORDERS_JSON_SCAN_H
#define ORDERS_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* Some bytes of the text that is scanned; borrowed from it. */
struct json_token {
    const char *at;
    size_t len;
};

/* Is there nesting of more than max levels? Then *offset is that of the bracket that goes too far.
 */
bool json_too_deep(struct json_token text, int max, size_t *offset) MUST_CHECK;

/* Walks the members of the object that the text is: *value is the next one's value. Start with
 * *rest = text; false at the end. */
bool json_next_value(struct json_token *rest, struct json_token *value) MUST_CHECK;

/* Are all exponents of the numbers in the text within -max..max? */
bool json_exponents_within(struct json_token text, int max) MUST_CHECK;

#endif
