/* order_codes.h - the error codes of order_codes.def, as an enum and as texts for clients. */
#ifndef ORDERS_ORDER_CODES_H
#define ORDERS_ORDER_CODES_H

enum order_code {
#define ORDER_CODE(id, of, code, meaning) ORDER_CODE_##id,
#include "orders/order_codes.def"
#undef ORDER_CODE
};

enum order_code_of { ORDER_CODE_OF_DOCUMENT, ORDER_CODE_OF_FIELD };

struct order_code_row {
    enum order_code_of of;
    const char *code, *meaning;
};

enum { ORDER_CODES = ORDER_CODE_TOO_MANY_ERRORS + 1 };
extern const struct order_code_row order_codes[ORDER_CODES]; /* indexed by enum order_code */

#endif
