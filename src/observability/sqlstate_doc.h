/* sqlstate_doc.h - makes the part of docs/PROBLEMS.md about errors of the database: the rows of
 * store/sqlstate.c, each with the answer that handlers/statuses.c gives. */
#ifndef OBSERVABILITY_SQLSTATE_DOC_H
#define OBSERVABILITY_SQLSTATE_DOC_H

struct buf;

void sqlstate_doc(struct buf *out);

#endif
