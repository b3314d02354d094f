/* exchanges.h - what clients of the tests asked and were answered, kept for the tests of the
 * contract.
 *
 * If the environment names a file in ORDERSD_EXCHANGES, each exchange is appended to it: one line
 * of JSON, by one write, so that the threads and the children of a test may all do it. Else nothing
 * is done. Any thread. */
#ifndef SUPPORT_EXCHANGES_H
#define SUPPORT_EXCHANGES_H

struct http_ask;
struct http_reply;

/* The url is whole; a reply without a status is left out. */
void exchanges_note(const struct http_ask *ask, const struct http_reply *reply);

/* Empties the file. */
void exchanges_begin(void);

#endif
