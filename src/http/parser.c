/* parser.c - see parser.h. */
#include "http/parser.h"

#include "base/clock.h"
#include "http/http.h"

/* NULL: stopping, and all is done. */
static struct http_work *next_work(struct parser *parser)
{
    mutex_lock(&parser->mu);
    while (parser->first == NULL && !parser->stopping)
        (void)cond_wait_until(&parser->wake, &parser->mu, CLOCK_NEVER);
    struct http_work *work = parser->first;
    if (work != NULL)
        parser->first = (struct http_work *)work->done.next;
    mutex_unlock(&parser->mu);
    return work;
}

static void *run(void *arg)
{
    struct parser *parser = arg;
    for (struct http_work *work; (work = next_work(parser)) != NULL;) {
        work->run(work);
        work->done.next = NULL;
        http_complete(work->loop, &work->done);
    }
    return NULL;
}

bool parser_start(struct parser *parser)
{
    mutex_init(&parser->mu);
    cond_init(&parser->wake);
    parser->started = thread_start(&parser->thread, "parser", run, parser) == 0;
    if (!parser->started) {
        cond_fini(&parser->wake);
        mutex_fini(&parser->mu);
    }
    return parser->started;
}

bool parser_take(struct parser *parser, struct http_work *work)
{
    mutex_lock(&parser->mu);
    bool taken = !parser->stopping;
    if (taken) {
        work->done.next = NULL;
        if (parser->first == NULL)
            parser->first = work;
        else
            parser->last->done.next = &work->done;
        parser->last = work;
        cond_signal(&parser->wake);
    }
    mutex_unlock(&parser->mu);
    return taken;
}

void parser_stop(struct parser *parser)
{
    if (!parser->started)
        return;
    mutex_lock(&parser->mu);
    parser->stopping = true;
    cond_signal(&parser->wake);
    mutex_unlock(&parser->mu);
    thread_join(parser->thread);
}

void parser_fini(struct parser *parser)
{
    if (!parser->started)
        return;
    cond_fini(&parser->wake);
    mutex_fini(&parser->mu);
    parser->started = false;
}
