/* list.h - the upper bound of the ids that begin with a prefix. Threads: any. */
#ifndef STORE_LIST_H
#define STORE_LIST_H

#include "orders/order.h"

/* Writes the lowest text that is above every id that begins with `prefix`: the prefix with its last
 * character replaced by the next one. Texts are compared bytewise. `prefix` is valid by
 * order_name_is_valid(), or "": then the text is above every id.
 *
 * Let the prefix be Qc, where c is its last character, and let d be the character after c. An id
 * that begins with Qc is at least Qc, and below Qd, because it first differs from Qd where it has
 * c. Conversely, an id that is at least Qc and below Qd begins with Q: otherwise it would differ
 * from both bounds within Q, and be below both or above both. Its next character is at least c and
 * below d, so it is c. The character d exists: ids have ASCII characters up to 'z' only. */
void store_list_until(const char *prefix, char until[ORDER_NAME_SIZE]);

#endif
