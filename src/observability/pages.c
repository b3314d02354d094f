/* pages.c - serves the documents that are compiled into the program: the page at /, its assets, the
 * contract, and the contract as a rendered page. The page gets its figures from /status of this
 * service, and contacts no other server. */
#include <string.h>

#include "http/http.h"
#include "observability/documents.h"
#include "observability/observability.h"

static void answer_document(struct http_request *req, const char *content_type,
                            const struct document *document)
{
    http_answer_static(req, 200, content_type, document->bytes, document->len);
}

void observability_get_page(struct http_request *req, void *ctx)
{
    (void)ctx;
    http_add_header(req, "Content-Security-Policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                    "connect-src 'self'; base-uri 'none'; form-action 'none'; "
                    "frame-ancestors 'none'");
    http_add_header(req, "X-Content-Type-Options", "nosniff");
    http_add_header(req, "Referrer-Policy", "no-referrer");
    answer_document(req, "text/html; charset=utf-8", &document_page);
}

static const struct asset *find_asset(const char *version, const char *name)
{
    for (size_t i = 0; strcmp(version, assets_version) == 0 && i < assets_count; i++)
        if (strcmp(assets[i].name, name) == 0)
            return &assets[i];
    return NULL;
}

/* Serves an asset. The bytes of one version of an asset never change. A request for another version
 * than this program's is answered 404. */
void observability_get_asset(struct http_request *req, void *ctx)
{
    (void)ctx;
    const struct asset *asset = find_asset(http_path_part(req, 0), http_path_part(req, 1));
    if (asset == NULL) {
        http_not_found(req);
        return;
    }
    http_add_header(req, "Cache-Control", "public, max-age=31536000, immutable");
    http_add_header(req, "X-Content-Type-Options", "nosniff");
    answer_document(req, asset->content_type, &asset->document);
}

void observability_get_contract(struct http_request *req, void *ctx)
{
    (void)ctx;
    answer_document(req, "application/yaml", &document_contract);
}

/* Serves the API reference. The file itself has a Content-Security-Policy that forbids all requests
 * and names its scripts by their hashes. frame-ancestors has no effect in a file, so it is a
 * header. */
void observability_get_reference(struct http_request *req, void *ctx)
{
    (void)ctx;
    if (document_reference.len == 0) {
        http_not_found(req);
        return;
    }
    http_add_header(req, "Content-Security-Policy", "frame-ancestors 'none'");
    http_add_header(req, "X-Content-Type-Options", "nosniff");
    http_add_header(req, "Referrer-Policy", "no-referrer");
    answer_document(req, "text/html; charset=utf-8", &document_reference);
}
