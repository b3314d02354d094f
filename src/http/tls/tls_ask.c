/* tls_ask.c - sends one request over TLS as a client: http_tls_ask(), see tls.h. */
#include <gnutls/gnutls.h>
#include <string.h>

#include "base/clock.h"
#include "http/tls/tls.h"

/* Returns true if the call that returned `rc` should be repeated. A timeout of the socket comes as
 * GNUTLS_E_AGAIN, after which no call is repeated. */
static bool again(ssize_t rc, int64_t until_ns)
{
    bool passing = rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED;
    return passing && clock_now_ns() < until_ns;
}

static bool shake_hands(gnutls_session_t session, int64_t until_ns)
{
    int rc;
    do
        rc = gnutls_handshake(session);
    while (again(rc, until_ns));
    return rc == GNUTLS_E_SUCCESS;
}

static size_t read_answer(gnutls_session_t session, char *answer, size_t size, int64_t until_ns)
{
    size_t got = 0;
    while (got < size && clock_now_ns() < until_ns) {
        ssize_t n = gnutls_record_recv(session, answer + got, size - got);
        if (n > 0)
            got += (size_t)n;
        else if (!again(n, until_ns))
            break;
    }
    return got;
}

size_t http_tls_ask(int fd, const char *request, char *answer, size_t size, int64_t until_ns)
{
    gnutls_certificate_credentials_t credentials = NULL;
    gnutls_session_t session = NULL;
    size_t got = 0, len = strlen(request);
    if (gnutls_certificate_allocate_credentials(&credentials) < 0)
        goto out;
    if (gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0)
        goto out;
    gnutls_transport_set_int(session, fd);
    if (gnutls_set_default_priority(session) < 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) < 0)
        goto out;
    if (shake_hands(session, until_ns) && gnutls_record_send(session, request, len) == (ssize_t)len)
        got = read_answer(session, answer, size, until_ns);

out:
    if (session != NULL)
        gnutls_deinit(session);
    if (credentials != NULL)
        gnutls_certificate_free_credentials(credentials);
    return got;
}
