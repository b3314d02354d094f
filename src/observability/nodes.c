/* nodes.c - see nodes.h. */
#include "observability/nodes.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

enum { QUESTION_S = 3 };

void nodes_init(struct nodes *nodes)
{
    mutex_init(&nodes->mu);
    cond_init(&nodes->wake);
}

void nodes_fini(struct nodes *nodes)
{
    cond_fini(&nodes->wake);
    mutex_fini(&nodes->mu);
}

/* Logs when nodes begin to be silent, and when all answer again. */
static void tell(struct nodes *nodes, const struct nodes_report *report)
{
    const bool silent = report->known && report->nodes.silent > 0;
    if (silent && !nodes->told)
        log_event(LOG_WARN, "database.nodes_silent", log_int("n", report->nodes.silent),
                  log_str("nodes", report->nodes.names));
    else if (report->known && !silent && nodes->told)
        log_event(LOG_INFO, "database.nodes_answer", log_int("n", report->nodes.total));
    if (report->known)
        nodes->told = silent;
}

/* Asks the nodes. If no answer comes, the last one counts no more. */
static void ask(struct nodes *nodes)
{
    struct nodes_report report = { .known = false };
    struct err err = { 0 };
    if (store_on_citus(nodes->store))
        report.known = store_ask_nodes(nodes->store, clock_now_ns() + QUESTION_S * NS_PER_S,
                                       &report.nodes, &err);
    tell(nodes, &report);
    mutex_lock(&nodes->mu);
    nodes->report = report;
    mutex_unlock(&nodes->mu);
}

/* Returns false if nodes_stop() was called. */
static bool pause_for(struct nodes *nodes)
{
    const int64_t until_ns = clock_after(clock_now_ns(), nodes->interval_ns);
    mutex_lock(&nodes->mu);
    while (!nodes->stop && cond_wait_until(&nodes->wake, &nodes->mu, until_ns))
        ;
    bool go_on = !nodes->stop;
    mutex_unlock(&nodes->mu);
    return go_on;
}

static void *run(void *arg)
{
    struct nodes *nodes = arg;
    while (pause_for(nodes))
        ask(nodes);
    return NULL;
}

bool nodes_start(struct nodes *nodes, struct store *store, int64_t interval_ns, struct err *err)
{
    nodes->store = store;
    nodes->interval_ns = interval_ns;
    nodes->runs = thread_start(&nodes->thread, "nodes", run, nodes) == 0;
    if (!nodes->runs)
        err_set(err, 0, "cannot start a thread");
    return nodes->runs;
}

void nodes_stop(struct nodes *nodes)
{
    mutex_lock(&nodes->mu);
    nodes->stop = true;
    cond_signal(&nodes->wake);
    mutex_unlock(&nodes->mu);
}

void nodes_join(struct nodes *nodes)
{
    if (nodes->runs)
        thread_join(nodes->thread);
    nodes->runs = false;
}

void nodes_look(struct nodes *nodes, struct nodes_report *out)
{
    mutex_lock(&nodes->mu);
    *out = nodes->report;
    mutex_unlock(&nodes->mu);
}
