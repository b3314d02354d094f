/* json_scan.h - finds JSON tokens in a text and gives their bytes as written, which a JSON library
 * does not keep: the digits of a number, the bytes of an object.
 *
 * Nothing here validates JSON. On any bytes, the functions stay within them and take linear time.
 * Their results are right for text that jansson accepts; those of json_too_deep() and
 * json_first_value() are right up to the first error that jansson would report. */
#ifndef ORDERS_JSON_SCAN_H
#define ORDERS_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

/* A part of the scanned text, borrowed from it. */
struct json_token {
    const char *at;
    size_t len;
};

/* Returns true if the text nests deeper than max levels. *offset is then the offset of the first
 * bracket that does. */
bool json_too_deep(struct json_token text, int max, size_t *offset) MUST_CHECK;

/* Character classes: white space between tokens, and bytes with which a value may begin. */
bool json_is_space(char c) MUST_CHECK;
bool json_begins_value(char c) MUST_CHECK;

/* Finds the value with which the text begins. *value ends with its closing quote or bracket, or
 * before the first byte that cannot belong to a number or literal. Returns false if a string,
 * object or array is not closed. */
bool json_first_value(struct json_token text, struct json_token *value) MUST_CHECK;

/* Iterates over the members of an object: *value is the value of the next one. Start with *rest =
 * the object's text. Returns false at the end. */
bool json_next_value(struct json_token *rest, struct json_token *value) MUST_CHECK;

/* Returns true if every number in the text has an exponent within -max..max. */
bool json_exponents_within(struct json_token text, int max) MUST_CHECK;

/* Returns the sum of the absolute values of all exponents: at most so many digits are added when
 * the numbers are written without exponents. Call it only after json_exponents_within(). */
size_t json_exponents_sum(struct json_token text);

#endif
