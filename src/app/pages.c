/* pages.c - what is served as it was compiled in: the page for people, and the contract. */
#include "app/documents.h"
#include "app/routes.h"
#include "base/buf.h"

static void answer_document(struct http_request *req, const char *content_type,
                            const struct document *document)
{
    struct buf body = BUF_INIT(document->len + 1);
    buf_add(&body, document->bytes, document->len);
    http_answer(req, 200, content_type, &body);
}

void get_page(struct http_request *req, void *ctx)
{
    (void)ctx;
    http_add_header(req, "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                    "form-action 'none'; frame-ancestors 'none'");
    answer_document(req, "text/html; charset=utf-8", &document_page);
}

void get_contract(struct http_request *req, void *ctx)
{
    (void)ctx;
    answer_document(req, "application/yaml", &document_contract);
}
