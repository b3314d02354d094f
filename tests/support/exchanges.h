/* exchanges.h - records the requests and answers of the tests, for the tests of the contract.
 *
 * If ORDERSD_EXCHANGES in the environment names a file, each exchange is appended to it as one line
 * of JSON, by one write, so that threads and children of a test may all append. Without that
 * variable, nothing is done. Any thread. */
#ifndef SUPPORT_EXCHANGES_H
#define SUPPORT_EXCHANGES_H

struct http_ask;
struct http_reply;

/* Records an exchange, with its full URL. A reply without a status is not recorded. */
void exchanges_note(const struct http_ask *ask, const struct http_reply *reply);

/* Empties the file. */
void exchanges_begin(void);

#endif
