/* problem_doc.h - makes docs/PROBLEMS.md, the manual's page about rejections, from the tables of
 * http/, statuses.c and orders/ that the program uses itself. */
#ifndef OBSERVABILITY_PROBLEM_DOC_H
#define OBSERVABILITY_PROBLEM_DOC_H

struct buf;

void problem_doc(struct buf *out);

#endif
