/* problem_doc.h - makes docs/PROBLEMS.md, the manual's page about rejections, from the tables with
 * which http/, handlers/statuses.c and orders/ reject requests. */
#ifndef OBSERVABILITY_PROBLEM_DOC_H
#define OBSERVABILITY_PROBLEM_DOC_H

struct buf;

void problem_doc(struct buf *out);

#endif
