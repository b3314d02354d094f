/* answer.h - inside of the layer: what answer.c has beside the functions of http.h. The loop's
 * thread only. */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

struct http_request;

/* Answers with req->reject. */
void answer_rejected(struct http_request *req);

#endif
