/* route.h - one row of the table of routes that a server serves. http.h brings this header. */
#ifndef HTTP_MESSAGE_ROUTE_H
#define HTTP_MESSAGE_ROUTE_H

struct http_request;

enum http_body {
    HTTP_NO_BODY,
    HTTP_JSON_BODY, /* application/json, else 415 */
    HTTP_LIST_BODY, /* application/json or application/x-ndjson, else 415 */
};

enum http_access {
    HTTP_PROBE,  /* as HTTP_HEALTH, and no client certificate is asked for either */
    HTTP_HEALTH, /* anyone, also on a connection beyond max_connections */
    HTTP_ANYONE,
    HTTP_FIGURES,  /* as HTTP_WITH_KEY with http_options.guard_figures, else as HTTP_HEALTH */
    HTTP_WITH_KEY, /* a bearer key, where keys are asked for; else 401 */
};

struct http_route {
    const char *method; /* "GET" serves HEAD too */
    const char *path;   /* "/v1/orders/{order_id}": a brace part matches one segment */
    enum http_body body;
    enum http_access access;
    void (*handle)(struct http_request *req, void *ctx);
    const int *statuses; /* the statuses it may answer with, ends with 0; for the metrics at 0 */
    /* The media types that it can answer with, "application/json, application/x-ndjson", the
     * default first: a request whose Accept has room for none of them is rejected with 406. NULL:
     * no request is rejected for its Accept, which is what a probe wants. */
    const char *produces;
};

#endif
