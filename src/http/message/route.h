/* route.h - a row in the server's table of routes: a method, a path, and the handler that answers
 * such requests. http.h includes this header. */
#ifndef HTTP_MESSAGE_ROUTE_H
#define HTTP_MESSAGE_ROUTE_H

struct http_request;

/* The body that the requests of a route have. */
enum http_body {
    HTTP_NO_BODY,
    HTTP_JSON_BODY, /* application/json; any other type is answered 415 */
    HTTP_LIST_BODY, /* application/json or application/x-ndjson; any other type is answered 415 */
};

/* Who may use a route. */
enum http_access {
    HTTP_PROBE,    /* as HTTP_HEALTH, but client certificate and host are not checked */
    HTTP_HEALTH,   /* anyone, also on a connection beyond max_connections */
    HTTP_ANYONE,   /* anyone */
    HTTP_FIGURES,  /* as HTTP_HEALTH, but needs a key if http_options.guard_figures is set */
    HTTP_WITH_KEY, /* needs an API key (else 401) if http_options.keys_file is set */
};

struct http_route {
    const char *method; /* a route of "GET" serves HEAD too */
    const char *path;   /* such as "/v1/orders/{order_id}"; {order_id} matches one segment */
    enum http_body body;
    enum http_access access;
    void (*handle)(struct http_request *req, void *ctx);
    /* The statuses with which the route may answer; a 0 ends the list. The metrics have a count of
     * each from the start (server_metrics.h). */
    const int *statuses;
    /* The media types with which the route can answer, the default first: "application/json,
     * application/x-ndjson". A request is rejected with 406 if its Accept header allows none of
     * these types and no problem document. NULL: the Accept header is not checked, which is right
     * for a probe. */
    const char *produces;
};

#endif
