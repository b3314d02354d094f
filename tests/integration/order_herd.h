/* order_herd.h - clients that post one order after another until told to stop, whatever becomes of
 * the service meanwhile, and remember what they were told.
 *
 * Each client has a connection of its own and repeats an order, under its id, until it is answered
 * 2xx: only then it goes on to the next one. */
#ifndef ORDER_HERD_H
#define ORDER_HERD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "service_rig.h"

struct herd; /* opaque */

struct herd *herd_start(struct rig *rig, size_t n_clients) MUST_CHECK;

/* Waits for so many more acknowledged orders than there are now; false when they do not come. */
bool herd_await(struct herd *herd, uint64_t more, int seconds) MUST_CHECK;

/* Each client ends its present exchange and no other. Once. */
void herd_stop(struct herd *herd);

uint64_t herd_acked(const struct herd *herd);

/* Answers so far, by status; 0: none came. */
uint64_t herd_count(const struct herd *herd, int status);

/* After herd_stop(), on a cluster that runs: every acknowledged order is in the table once, under
 * the order_id that its client was given; what else is there is at most the order that each client
 * was at; nobody heard anything but 200, 201, 503, 504 or nothing; and no refusal lied: an order
 * that was never stored by what was said so far is new (201) at its next try. */
void herd_expect_truth(struct herd *herd, struct cluster *cluster);

void herd_close(struct herd **herd); /* stopped; NULL is a no-op */

#endif
