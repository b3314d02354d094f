/* answer.h - inside of the layer: the function of answer.c that http.h does not declare. Called by
 * the loop's thread only. */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

struct http_request;

/* Answers with the problem document of req->reject. */
void answer_rejected(struct http_request *req);

#endif
