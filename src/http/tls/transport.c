/* transport.c - see transport.h. */
#include "http/tls/transport.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/check.h"
#include "http/tls/tls_set.h"

/* CHAIN_MAX bounds the certificates of a client's chain. HANDSHAKE_MAX_BYTES bounds each message of
 * the handshake, because GnuTLS keeps the message in the memory of the session. */
enum { CHAIN_MAX = 16, HANDSHAKE_MAX_BYTES = 24 * 1024 };

#define TO(state) (1u << TRANSPORT_##state)

static const unsigned allowed[] = {
    [TRANSPORT_PLAIN] = 0,
    [TRANSPORT_HANDSHAKE] = TO(CLIENT_FINISHED) | TO(SERVER_FINISHED),
    [TRANSPORT_CLIENT_FINISHED] = TO(OPEN),
    [TRANSPORT_SERVER_FINISHED] = TO(OPEN),
    [TRANSPORT_OPEN] = TO(VERIFIED),
    [TRANSPORT_VERIFIED] = 0,
};

static void move(struct transport *transport, enum transport_state to)
{
    CHECK((allowed[transport->state] & 1u << to) != 0);
    transport->state = to;
}

bool transport_is_open(const struct transport *transport)
{
    return transport->state == TRANSPORT_PLAIN || transport->state >= TRANSPORT_OPEN;
}

static bool is_tls_open(const struct transport *transport)
{
    return transport->state >= TRANSPORT_OPEN;
}

/* ---- life ---- */

/* GnuTLS calls this when one side has finished its part of the handshake. The client or the server
 * may be the first to finish, depending on the version of TLS. */
static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                       const gnutls_datum_t *message)
{
    (void)type;
    (void)when;
    (void)message;
    struct transport *transport = gnutls_session_get_ptr(session);
    enum transport_state half =
        incoming != 0 ? TRANSPORT_CLIENT_FINISHED : TRANSPORT_SERVER_FINISHED;
    if (transport->state == TRANSPORT_HANDSHAKE) {
        move(transport, half);
    } else if (transport->state != half && !is_tls_open(transport)) {
        move(transport, TRANSPORT_OPEN);
        transport->on_open(transport);
    }
    return 0;
}

bool transport_begin(struct transport *transport, struct MHD_Connection *mhd, struct http_tls *tls,
                     void (*on_open)(struct transport *transport))
{
    *transport = (struct transport){
        .fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
        .state = tls != NULL ? TRANSPORT_HANDSHAKE : TRANSPORT_PLAIN,
        .tls = tls,
        .on_open = on_open,
    };
    if (tls == NULL)
        return true;
    gnutls_session_t session =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    transport->session = session;
    transport->set = tls_hold(tls);
    gnutls_session_set_ptr(session, transport);
    gnutls_handshake_set_max_packet_length(session, HANDSHAKE_MAX_BYTES);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                       on_finished);
    if (transport->set->info.client_authorities > 0)
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    return gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, transport->set->credentials) ==
           0;
}

void transport_end(struct transport *transport)
{
    if (transport->session == NULL)
        return;
    gnutls_credentials_clear(transport->session); /* the session outlives our hold on the set */
    tls_release(transport->tls, transport->set);
}

/* libmicrohttpd requires this callback. GnuTLS never calls it, because transport_begin() sets the
 * certificates before the handshake. */
/* NOLINTNEXTLINE(readability-function-size): GnuTLS's parameters */
static int no_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                          gnutls_pcert_st **pcert, unsigned *n, gnutls_ocsp_data_st **ocsp,
                          unsigned *n_ocsp, gnutls_privkey_t *key, unsigned *flags)
{
    (void)session, (void)info, (void)pcert, (void)n;
    (void)ocsp, (void)n_ocsp, (void)key, (void)flags;
    return -1;
}

unsigned transport_daemon(const struct http_tls *tls,
                          struct MHD_OptionItem options[TRANSPORT_OPTIONS])
{
    options[0] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
    if (tls == NULL)
        return 0;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): -Wcast-qual forbids a direct cast */
    void *priorities = (void *)(uintptr_t)tls_priorities;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): ISO C casts no function to a data pointer */
    void *callback = (void *)(uintptr_t)no_certificate;
    options[0] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0, priorities };
    options[1] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, callback };
    options[2] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
    return MHD_USE_TLS;
}

/* ---- the client's certificate ---- */

static const char *reason_of(unsigned status)
{
    /* clang-format off */
    static const struct {
        unsigned bit;
        const char *text;
    } rows[] = {
        { GNUTLS_CERT_EXPIRED,
          "The client certificate, or one that vouches for it, has expired." },
        { GNUTLS_CERT_NOT_ACTIVATED,
          "The client certificate, or one that vouches for it, is not valid yet." },
        { GNUTLS_CERT_SIGNER_NOT_FOUND,
          "No authority that this server accepts vouches for the client certificate." },
        { GNUTLS_CERT_SIGNER_NOT_CA,
          "The client certificate is signed by one that may not sign certificates." },
        { GNUTLS_CERT_PURPOSE_MISMATCH,
          "The client certificate is not meant for clients (extended key usage clientAuth)." },
        { GNUTLS_CERT_INSECURE_ALGORITHM,
          "The client certificate uses an algorithm or a key that is too weak." },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((status & rows[i].bit) != 0)
            return rows[i].text;
    return "The client certificate cannot be verified.";
}

/* Returns true if the authorities vouch for the chain. Otherwise *status says why not. */
static bool vouched_for(gnutls_x509_trust_list_t authorities, gnutls_x509_crt_t *chain, unsigned n,
                        unsigned *status)
{
    unsigned char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = purpose };
    int rc = gnutls_x509_trust_list_verify_crt2(authorities, chain, n, &wanted, 1,
                                                GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM),
                                                status, NULL);
    return rc == 0 && *status == 0;
}

static enum reject_reason check_chain(const struct tls_set *set, const gnutls_datum_t *shown,
                                      unsigned n_shown, const char **why)
{
    gnutls_x509_trust_list_t authorities;
    gnutls_x509_crt_t chain[CHAIN_MAX];
    unsigned n = 0, status = GNUTLS_CERT_INVALID;
    bool read = n_shown <= CHAIN_MAX;
    while (read && n < n_shown) {
        read = gnutls_x509_crt_init(&chain[n]) == 0;
        if (!read)
            break;
        read = gnutls_x509_crt_import(chain[n], &shown[n], GNUTLS_X509_FMT_DER) == 0;
        n++;
    }
    gnutls_certificate_get_trust_list(set->credentials, &authorities);
    bool good = read && vouched_for(authorities, chain, n, &status);
    while (n > 0)
        gnutls_x509_crt_deinit(chain[--n]);
    if (good)
        return REJECT_NONE;
    *why = reason_of(status);
    return REJECT_CLIENT_CERTIFICATE;
}

static enum reject_reason check_certificate(const struct tls_set *set, gnutls_session_t session,
                                            const char **why)
{
    unsigned n = 0;
    if (set->info.client_authorities == 0)
        return REJECT_NONE;
    const gnutls_datum_t *shown = gnutls_certificate_get_peers(session, &n);
    if (shown == NULL || n == 0)
        return REJECT_NO_CLIENT_CERTIFICATE;
    return check_chain(set, shown, n, why);
}

enum reject_reason transport_check_client(struct transport *transport, const char **why)
{
    if (transport->state == TRANSPORT_PLAIN || transport->state == TRANSPORT_VERIFIED)
        return REJECT_NONE;
    struct tls_set *set = tls_hold(transport->tls);
    enum reject_reason reason = check_certificate(set, transport->session, why);
    tls_release(transport->tls, set);
    if (reason == REJECT_NONE)
        move(transport, TRANSPORT_VERIFIED);
    return reason;
}

/* ---- the end ---- */

bool transport_has_unread(const struct transport *transport)
{
    return transport->session != NULL && gnutls_record_check_pending(transport->session) > 0;
}

static void send_plain(int fd, const struct buf *head, const struct buf *body)
{
    struct iovec parts[] = {
        { .iov_base = head->data, .iov_len = head->len },
        { .iov_base = body->data, .iov_len = body->len },
    };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    (void)sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void transport_send_last(struct transport *transport, const struct buf *head,
                         const struct buf *body)
{
    gnutls_session_t session = transport->session;
    if (transport->state == TRANSPORT_PLAIN)
        send_plain(transport->fd, head, body);
    if (!is_tls_open(transport))
        return;
    gnutls_record_cork(session); /* both buffers go into one record */
    (void)gnutls_record_send(session, head->data, head->len);
    (void)gnutls_record_send(session, body->data, body->len);
    (void)gnutls_record_uncork(session, 0);
    transport_close_notify(transport);
}

void transport_close_notify(struct transport *transport)
{
    if (is_tls_open(transport))
        (void)gnutls_bye(transport->session, GNUTLS_SHUT_WR);
}
