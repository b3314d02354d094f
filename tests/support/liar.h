/* liar.h - a proxy on 127.0.0.1 in front of a real server that changes the shape of the answers to
 * one statement, as a broken pooler might, and forwards everything else. The client must ask for no
 * encryption (sslmode=disable gssencmode=disable) and must not pipeline.
 *
 * Threads    any; each connection has a thread of the liar's */
#ifndef SUPPORT_LIAR_H
#define SUPPORT_LIAR_H

#include <stdint.h>

#include "base/attr.h"

struct liar; /* opaque */

enum lie {
    LIE_NO_ROWS,
    LIE_TWICE,         /* each row twice */
    LIE_FEWER_COLUMNS, /* the last one is missing */
    LIE_MORE_COLUMNS,  /* the last one comes twice */
    LIE_NO_TABLE,      /* neither rows nor their description */
    LIE_NULLS,         /* a null in place of each value; the next three also replace values */
    LIE_EMPTY,
    LIE_GARBAGE,
    LIE_LONG,
    LIE_TAG, /* the command tag is another one */
};
enum { LIES = LIE_TAG + 1 };

struct liar *liar_open(int server_port) MUST_CHECK;
void liar_close(struct liar **liar); /* call it after its clients have closed */
int liar_port(const struct liar *liar);

/* From now on, changes the answers to each statement whose text contains `about`, a static string.
 * NULL: to none. */
void liar_tell(struct liar *liar, const char *about, enum lie lie);

/* Returns how many answers were changed so far. */
int64_t liar_told(struct liar *liar);

#endif
