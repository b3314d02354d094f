/* answer.h - answers a rejected request. http.h declares the other functions of answer.c. Internal
 * to http; called by the loop's thread only. */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

struct http_request;

/* Answers with the problem document of req->reject. */
void answer_rejected(struct http_request *req);

#endif
