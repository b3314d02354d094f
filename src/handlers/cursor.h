/* cursor.h - the cursor of a list: the position after an order, as a text that clients pass back.
 *
 * The text is base64url (RFC 4648, 5, without padding) of a version byte and the client_order_id of
 * that order. The form may change with the version, so a client must not take it apart. A cursor is
 * no secret and gives no right: anybody can make one for any position, and the rights of a request
 * are checked for its account_id, on every page.
 *
 * The account is not in the cursor. Each request names the account anyway, and a position means the
 * same in every account, so an account in the cursor could only contradict the request.
 *
 * Threads    any. */
#ifndef HANDLERS_CURSOR_H
#define HANDLERS_CURSOR_H

#include <stdbool.h>

#include "base/attr.h"
#include "orders/order.h"

enum { CURSOR_SIZE = 88 }; /* 65 bytes as base64url, with a NUL */

/* The client_order_id must be valid by order_name_is_valid(). */
void cursor_write(const char *client_order_id, char out[CURSOR_SIZE]);

/* Returns false, and writes nothing, unless cursor_write() could have written the text. */
bool cursor_read(const char *text, char client_order_id[ORDER_NAME_SIZE]) MUST_CHECK;

#endif
