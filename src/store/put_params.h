/* put_params.h - orders as the parameters of STATEMENT_INSERT and STATEMENT_COMPARE. */
#ifndef STORE_PUT_PARAMS_H
#define STORE_PUT_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct order_put;
struct params;

/* `params` comes zeroed and goes to params_fini() in any case; false when memory ran out. */
bool put_params_insert(struct params *params, struct order_put *const *puts, size_t n) MUST_CHECK;
bool put_params_keys(struct params *params, struct order_put *const *puts, size_t n) MUST_CHECK;

#endif
