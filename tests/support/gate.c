/* gate.c - see gate.h. A caller posts a command and waits until the gate's thread has carried it
 * out. */
#include "support/gate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "support/gate_loop.h"
#include "support/process.h"

enum { ORDER_S = 20 };

struct gate *gate_open(int server_port)
{
    struct gate *gate = calloc(1, sizeof *gate);
    CHECK(gate != NULL);
    int port = process_free_port();
    *gate = (struct gate){ .port = port,
                           .server_port = server_port,
                           .listener = gate_listen(port),
                           .flow.bytes_to_cut = -1,
                           .event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    CHECK(gate->event_fd >= 0);
    mutex_init(&gate->mu);
    cond_init(&gate->done);
    CHECK(thread_start(&gate->thread, "gate", gate_run, gate) == 0);
    return gate;
}

static void carry_out(struct gate *gate, const struct gate_order *order)
{
    const uint64_t one = 1;
    int64_t deadline_at_ns = clock_after(clock_now_ns(), ORDER_S * NS_PER_S);
    mutex_lock(&gate->mu);
    while (gate->orders_done < gate->orders_posted) /* wait for another caller's command */
        if (!cond_wait_until(&gate->done, &gate->mu, deadline_at_ns))
            support_fail("the gate's thread is stuck");
    gate->order = *order;
    int64_t number = ++gate->orders_posted;
    CHECK(write(gate->event_fd, &one, sizeof one) == sizeof one);
    while (gate->orders_done < number)
        if (!cond_wait_until(&gate->done, &gate->mu, deadline_at_ns))
            support_fail("the gate's thread is stuck");
    mutex_unlock(&gate->mu);
}

void gate_set(struct gate *gate, enum gate_mode mode)
{
    carry_out(gate, &(struct gate_order){ .set_mode = true, .mode = mode });
}

void gate_redirect(struct gate *gate, int server_port)
{
    carry_out(gate, &(struct gate_order){ .server_port = server_port });
}

void gate_cut(struct gate *gate)
{
    carry_out(gate, &(struct gate_order){ .cut = true });
}

void gate_forget(struct gate *gate)
{
    carry_out(gate, &(struct gate_order){ .forget = true });
}

void gate_cut_after(struct gate *gate, int64_t bytes)
{
    carry_out(gate, &(struct gate_order){ .set_cut = true, .bytes_to_cut = bytes });
}

void gate_inject_after(struct gate *gate, char after, int n, const void *message, size_t len)
{
    struct gate_order order = { .inject = { .after = after, .left = n, .len = len } };
    CHECK(n > 0 && len <= sizeof order.inject.message);
    memcpy(order.inject.message, message, len);
    carry_out(gate, &order);
}

void gate_close(struct gate **gate)
{
    struct gate *g = *gate;
    if (g == NULL)
        return;
    carry_out(g, &(struct gate_order){ .cut = true, .stop = true });
    thread_join(g->thread);
    close(g->event_fd);
    cond_fini(&g->done);
    mutex_fini(&g->mu);
    free(g);
    *gate = NULL;
}

int gate_port(const struct gate *gate)
{
    return gate->port;
}

void gate_counts(struct gate *gate, struct gate_counts *out)
{
    mutex_lock(&gate->mu);
    *out = gate->counts;
    out->to_client_bytes = gate->flow.to_client_bytes;
    out->to_server_bytes = gate->flow.to_server_bytes;
    mutex_unlock(&gate->mu);
}
