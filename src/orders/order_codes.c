/* order_codes.c - see order_codes.h. */
#include "orders/order_codes.h"

const struct order_code_row order_codes[ORDER_CODES] = {
#define ORDER_CODE(id, of, code, meaning) [ORDER_CODE_##id] = { ORDER_CODE_OF_##of, code, meaning },
#include "orders/order_codes.def"
#undef ORDER_CODE
};
