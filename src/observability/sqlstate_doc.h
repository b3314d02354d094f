/* sqlstate_doc.h - the part of docs/PROBLEMS.md about errors of the database: store/sqlstate.c's
 * table, with what statuses.c makes of each row. */
#ifndef OBSERVABILITY_SQLSTATE_DOC_H
#define OBSERVABILITY_SQLSTATE_DOC_H

struct buf;

void sqlstate_doc(struct buf *out);

#endif
