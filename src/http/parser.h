/* parser.h - inside of the layer: the server's one thread for work that would hold a loop up
 * (design.md section 4: 5,000 orders take 15 ms and more to read).
 *
 * The queue has no bound of its own: there is one work a request at most. */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include <pthread.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/sync.h"

struct http_work;

struct parser {
    struct mutex mu; /* a leaf */
    struct cond wake;
    struct http_work *first GUARDED_VAR, *last GUARDED_VAR; /* last: only while first is there */
    bool stopping GUARDED_VAR;
    bool started; /* the owner's */
    pthread_t thread;
};

/* Starts the thread. False: there is none, and nothing to end. */
bool parser_start(struct parser *parser) MUST_CHECK;

/* Any thread. False once it stops: the work is the caller's to do. */
bool parser_take(struct parser *parser, struct http_work *work) MUST_CHECK;

/* Does what it has taken, and ends. Both are no-ops when it never started. */
void parser_stop(struct parser *parser);
void parser_fini(struct parser *parser); /* after the last parser_take() */

#endif
