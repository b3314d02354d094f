/* ticket.c - see ticket.h. */
#include "app/ticket.h"

#include "app/http_map.h"
#include "app/routes.h"
#include "base/clock.h"

static void finish(struct http_completion *completion)
{
    struct ticket *ticket = (struct ticket *)completion;
    ticket->settled(ticket);
}

void ticket_stamp(struct ticket *ticket, int64_t received_at_ns)
{
    struct ingest_item *item = &ticket->item;
    order_stamp(&item->order, clock_wall_us());
    item->owner = ticket;
    item->received_at_ns = received_at_ns;
    item->deadline_at_ns = received_at_ns + ticket->service->options.orders_commit_timeout_ns;
    ticket->done.finish = finish;
}

void ticket_count(struct service *service, enum order_result result, uint64_t orders)
{
    counter_add(&service->orders[result], orders);
}

/* An order that was answered 504 counts by what came of it afterwards. */
static enum order_result result_of(const struct ticket *ticket, bool gave_up)
{
    const struct ingest_item *item = &ticket->item;
    bool stored = item->verdict == ITEM_CREATED || item->verdict == ITEM_REPLAYED;
    if (gave_up && ingest_item_state(item) == ITEM_SENT)
        return stored ? RESULT_LATE : RESULT_UNKNOWN;
    return http_map_result(item->verdict);
}

void ticket_count_verdict(const struct ticket *ticket, bool gave_up)
{
    const struct ingest_item *item = &ticket->item;
    struct service *service = ticket->service;
    ticket_count(service, result_of(ticket, gave_up), 1);
    if (item->verdict == ITEM_CREATED && !gave_up)
        histogram_observe(&service->commit_duration, clock_now_ns() - item->received_at_ns);
}

/* Gives the loop of the first item all that is its own; the items of other loops are left. */
static void complete_one_loop(struct fifo *items)
{
    struct http_loop *loop = NULL;
    struct http_completion *list = NULL, **tail = &list;
    struct fifo others = { NULL, NULL };
    for (struct fifo_node *node; (node = fifo_pop(items)) != NULL;) {
        struct ticket *ticket = CONTAINER_OF(node, struct ticket, item.link);
        if (loop == NULL)
            loop = ticket->loop;
        if (ticket->loop == loop) {
            *tail = &ticket->done;
            tail = &ticket->done.next;
        } else {
            fifo_push(&others, node);
        }
    }
    *tail = NULL;
    http_complete(loop, list);
    *items = others;
}

void routes_on_done(void *service, struct fifo *items)
{
    (void)service;
    while (items->first != NULL)
        complete_one_loop(items);
}
