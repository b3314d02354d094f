/* order_herd.h - clients that post one order after another until they are stopped, whatever happens
 * to the service meanwhile, and that record the answers.
 *
 * Each client has a connection of its own. It repeats an order, with the same id, until it is
 * answered 2xx, and then takes the next one. */
#ifndef ORDER_HERD_H
#define ORDER_HERD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "service_rig.h"

struct herd; /* opaque */

struct herd *herd_start(struct rig *rig, size_t n_clients) MUST_CHECK;

/* Waits until `more` further orders are acknowledged. Returns false if they are not in time. */
bool herd_await(struct herd *herd, uint64_t more, int seconds) MUST_CHECK;

/* Lets each client finish its present exchange and then end. Call it once. */
void herd_stop(struct herd *herd);

uint64_t herd_acked(const struct herd *herd);

/* The number of answers with this status so far; 0: exchanges without an answer. */
uint64_t herd_count(const struct herd *herd, int status);

/* Checks, after herd_stop() and with a running cluster:
 * - Every acknowledged order is in the table once, with the order_id that the client was given.
 * - The table has no other orders, except perhaps the one that each client was posting.
 * - The clients got no answer but 200, 201, 503, 504, or none.
 * - An order whose rejections all said that it is not stored got 201 at its next try, and not
 * 200. */
void herd_expect_truth(struct herd *herd, struct cluster *cluster);

void herd_close(struct herd **herd); /* call it after herd_stop(); NULL is a no-op */

#endif
