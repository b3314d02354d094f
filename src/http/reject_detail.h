/* reject_detail.h - writes the detail of a rejection: what is wrong with this request. Internal to
 * http; called by the loop's thread only. */
#ifndef HTTP_REJECT_DETAIL_H
#define HTTP_REJECT_DETAIL_H

struct http_problem;
struct http_request;

enum { REJECT_DETAIL_SIZE = 512 };

/* Returns the problem document of req->reject. Its detail may be in `text`, so `text` must live as
 * long as the document is used. */
struct http_problem reject_detail(struct http_request *req, char text[REJECT_DETAIL_SIZE]);

/* Adds the headers that RFC 9110 requires or suggests with the status of req->reject, such as Allow
 * with 405. */
void reject_add_headers(struct http_request *req);

#endif
