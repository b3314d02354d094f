/* problem_doc.h - the manual's page about rejections (docs/PROBLEMS.md), made from the tables that
 * the program answers by: those of http/, statuses.c and orders/. */
#ifndef OBSERVABILITY_PROBLEM_DOC_H
#define OBSERVABILITY_PROBLEM_DOC_H

struct buf;

void problem_doc(struct buf *out);

#endif
