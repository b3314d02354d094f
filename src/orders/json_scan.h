/* json_scan.h - the bytes of JSON tokens as they were written, which a JSON library does not keep:
 * a number's own digits, an object's own spelling.
 *
 * Nothing here judges JSON. Over any bytes it stays within them, and ends in time linear in them;
 * its answers mean something over text that jansson accepts (json_too_deep() and
 * json_first_value(): up to the first fault that jansson would find). */
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

/* True if the text nests deeper than max levels; *offset is then that of the first such bracket. */
bool json_too_deep(struct json_token text, int max, size_t *offset) MUST_CHECK;

/* White space between tokens; what the first byte of a value may be. */
bool json_is_space(char c) MUST_CHECK;
bool json_begins_value(char c) MUST_CHECK;

/* The value that the text begins with: *value is its bytes, up to its closing quote or bracket, or
 * up to what cannot be of a number or a word. False when the text ends before it is closed. */
bool json_first_value(struct json_token text, struct json_token *value) MUST_CHECK;

/* Walks the members of the object that the text is: *value is the next one's value. Start with
 * *rest = text; false at the end. */
bool json_next_value(struct json_token *rest, struct json_token *value) MUST_CHECK;

/* Are all exponents of the numbers in the text within -max..max? */
bool json_exponents_within(struct json_token text, int max) MUST_CHECK;

/* An upper bound of the digits that the numbers gain when they are written without exponents: the
 * sum of the exponents' absolute values. Call it only when all exponents are known to be within
 * bounds. */
size_t json_exponents_sum(struct json_token text);

#endif
