/* json_scan.h - finds JSON values in a text and returns their bytes as the client wrote them. A
 * JSON library keeps neither the digits of a number nor the bytes of an object.
 *
 * The functions do not validate JSON. For any text, they read no byte outside the text, and take
 * time linear in its length. If jansson accepts the text, all results are correct. If jansson
 * rejects the text, the results of json_too_deep() and json_first_value() are correct for the part
 * before the first error that jansson would report. */
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

/* Returns true if the text nests deeper than max levels. *offset is then the offset of the bracket
 * that opens level max + 1. */
bool json_too_deep(struct json_token text, int max, size_t *offset) MUST_CHECK;

bool json_is_space(char c) MUST_CHECK;     /* white space between tokens */
bool json_begins_value(char c) MUST_CHECK; /* a byte with which a value may begin */

/* Finds the value with which the text begins. A string, object or array ends with its closing quote
 * or bracket; any other value ends before the next comma, closing bracket or white space. Returns
 * false if a string, object or array is not closed. */
bool json_first_value(struct json_token text, struct json_token *value) MUST_CHECK;

/* Iterates over the members of an object. Start with *rest = the object's text; each call sets
 * *value to the value of the next member. Returns false after the last member. */
bool json_next_value(struct json_token *rest, struct json_token *value) MUST_CHECK;

/* Returns true if every number in the text has an exponent within -max..max. */
bool json_exponents_within(struct json_token text, int max) MUST_CHECK;

/* Returns the sum of the absolute values of all exponents. If the numbers are written without
 * exponents, the text grows by at most that many digits. Call it only if json_exponents_within()
 * has returned true. */
size_t json_exponents_sum(struct json_token text);

#endif
