/* liar.h - a server that answers in the wrong shape: a proxy before a real one on 127.0.0.1 that
 * changes the answers to one statement, as a broken pooler might, and passes on all else. The
 * client asks for no encryption (sslmode=disable gssencmode=disable) and does not pipeline.
 *
 * Threads    any; each connection has one of the liar's own. */
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
    LIE_NO_TABLE,      /* neither rows nor what they look like */
    LIE_NULLS,         /* in place of each value; and in those of the next three: */
    LIE_EMPTY,
    LIE_GARBAGE,
    LIE_LONG,
    LIE_TAG, /* the command's end has another name */
};
enum { LIES = LIE_TAG + 1 };

struct liar *liar_open(int server_port) MUST_CHECK;
void liar_close(struct liar **liar); /* after its clients have left */
int liar_port(const struct liar *liar);

/* From now on, lies about each statement whose text contains `about`, a static string; NULL: about
 * none. */
void liar_tell(struct liar *liar, const char *about, enum lie lie);

/* How many answers have been changed so far. */
int64_t liar_told(struct liar *liar);

#endif
