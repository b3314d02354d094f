/* sqlstate_doc.h - makes the part of docs/PROBLEMS.md about errors of the database: the table of
 * store/sqlstate.c, and the answer that statuses.c has for each row. */
#ifndef OBSERVABILITY_SQLSTATE_DOC_H
#define OBSERVABILITY_SQLSTATE_DOC_H

struct buf;

void sqlstate_doc(struct buf *out);

#endif
