/* Client certificates: whose are good, what the others are told, and what a reload changes. */
#include <criterion/criterion.h>

#include "unit/http/tls_fixture.h"

static struct tls_rig rig;

static void open_rig(void)
{
    tls_rig_open(&rig, (struct http_options){ TLS_SERVE_OPTIONS }, true);
}

static void close_rig(void)
{
    tls_rig_close(&rig);
}

TestSuite(tls_clients, .init = open_rig, .fini = close_rig);

#define CLIENT GNUTLS_KP_TLS_WWW_CLIENT

static struct pki_cert *client_of(const struct pki_cert *issuer)
{
    return pki_make(&(struct pki_options){ .name = "client", .issuer = issuer, .purpose = CLIENT });
}

/* The status of one request with that certificate. */
static int ask_with(const struct pki_cert *cert, const char *path)
{
    struct tls_client *client = tls_rig_dial(&rig, cert);
    int status = tls_get(client, path);
    tls_hang_up(&client);
    return status;
}

static void expect_refused(const struct pki_cert *cert, const char *code, const char *detail)
{
    struct tls_client *client = tls_rig_dial(&rig, cert);
    char member[64];
    (void)snprintf(member, sizeof member, "\"code\":\"%s\"", code);
    cr_assert(tls_post(client, "/echo/x", "{}", 2));
    cr_expect_eq(tls_read_answer(client, "POST"), 403, "%s", detail);
    cr_expect_not_null(strstr(tls_body(client), member), "%s", tls_body(client));
    cr_expect_not_null(strstr(tls_body(client), detail), "%s", tls_body(client));
    cr_expect_not_null(strstr(tls_body(client), "\"outcome\":\"not_accepted\""));
    cr_expect_not_null(strstr(tls_head(client), "Connection: close"));
    cr_expect_eq(tls_end(client), TLS_END_SAID);
    tls_hang_up(&client);
}

/* ---- which are good ---- */

Test(tls_clients, one_that_is_vouched_for_may_ask)
{
    struct pki_cert *cert = client_of(rig.ca);
    struct tls_client *client = tls_rig_dial(&rig, cert);
    for (int i = 0; i < 3; i++) {
        cr_assert(tls_post(client, "/echo/x", "{}", 2));
        cr_expect_eq(tls_read_answer(client, "POST"), 200);
        cr_expect_eq(tls_get(client, "/echo/x"), 200);
    }
    tls_hang_up(&client);
    pki_free(&cert);
}

Test(tls_clients, an_authority_may_stand_between)
{
    struct pki_cert *between =
        pki_make(&(struct pki_options){ .name = "between", .issuer = rig.ca, .authority = true });
    struct pki_cert *cert = client_of(between);
    cr_expect_eq(ask_with(cert, "/echo/x"), 200);
    pki_free(&cert);
    pki_free(&between);
}

Test(tls_clients, a_certificate_for_any_purpose_will_do)
{
    struct pki_cert *cert = pki_make(&(struct pki_options){ .name = "any", .issuer = rig.ca });
    cr_expect_eq(ask_with(cert, "/echo/x"), 200);
    pki_free(&cert);
}

Test(tls_clients, none_is_refused)
{
    expect_refused(NULL, "client_certificate_required", "the connection has none");
}

Test(tls_clients, probes_need_none)
{
    cr_expect_eq(ask_with(NULL, "/probe/x"), 200);
    cr_expect_eq(ask_with(NULL, "/echo/x"), 403);
}

/* A probe is no way in. */
Test(tls_clients, a_probe_before_makes_no_difference)
{
    struct tls_client *client = tls_rig_dial(&rig, NULL);
    cr_expect_eq(tls_get(client, "/probe/x"), 200);
    cr_expect_eq(tls_get(client, "/echo/x"), 403);
    tls_hang_up(&client);
}

Test(tls_clients, path_and_method_are_judged_before)
{
    cr_expect_eq(ask_with(NULL, "/nowhere"), 404);
    cr_expect_eq(ask_with(NULL, "/hold"), 405);
}

Test(tls_clients, bad_ones_hear_why)
{
    struct pki_cert *other_ca = pki_authority("another authority");
    struct pki_cert *no_ca = client_of(rig.ca);
    struct pki_options wishes[] = {
        { .name = "alien", .issuer = other_ca, .purpose = CLIENT },
        { .name = "old", .issuer = rig.ca, .purpose = CLIENT, .from_days = -9, .to_days = -1 },
        { .name = "new", .issuer = rig.ca, .purpose = CLIENT, .from_days = 1, .to_days = 9 },
        { .name = "server", .issuer = rig.ca, .purpose = GNUTLS_KP_TLS_WWW_SERVER },
        { .name = "own", .issuer = NULL, .purpose = CLIENT },
        { .name = "forged", .issuer = no_ca, .purpose = CLIENT },
    };
    static const char *const details[] = {
        "No authority that this server accepts",
        "has expired",
        "is not valid yet",
        "is not meant for clients",
        "No authority that this server accepts",
        "client certificate",
    };
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        struct pki_cert *cert = pki_make(&wishes[i]);
        expect_refused(cert, "client_certificate_refused", details[i]);
        pki_free(&cert);
    }
    pki_free(&no_ca);
    pki_free(&other_ca);
}

/* ---- reloads ---- */

static void reload(void)
{
    struct err err;
    cr_assert(http_tls_reload(rig.tls, &err), "%s", err.text);
}

Test(tls_clients, a_new_server_certificate_is_for_new_connections)
{
    struct pki_cert *client_cert = client_of(rig.ca);
    struct pki_cert *fresh = pki_make(&(struct pki_options){ .name = "fresh", .issuer = rig.ca });
    struct tls_client *before = tls_rig_dial(&rig, client_cert);
    cr_expect_eq(tls_get(before, "/echo/x"), 200);
    cr_expect_str_eq(tls_server_serial(before), pki_serial(rig.server_cert));

    pki_file_rewrite(&rig.cert, pki_chain_pem(fresh));
    pki_file_rewrite(&rig.key, pki_key_pem(fresh));
    reload();
    struct tls_client *after = tls_rig_dial(&rig, client_cert);
    cr_expect_str_eq(tls_server_serial(after), pki_serial(fresh));
    cr_expect_eq(tls_get(after, "/echo/x"), 200);
    cr_expect_eq(tls_get(before, "/echo/x"), 200, "the old connection goes on");
    tls_hang_up(&before);
    tls_hang_up(&after);
    pki_free(&fresh);
    pki_free(&client_cert);
}

/* A client that shows a certificate only where its issuer is named: so the names are new too. */
static int ask_if_wanted(const struct pki_cert *cert)
{
    struct tls_client *client = tls_dial(
        &(struct tls_options){ .port = tls_rig_port(&rig), .cert = cert, .only_if_wanted = true },
        NULL);
    CHECK(client != NULL);
    int status = tls_get(client, "/echo/x");
    tls_hang_up(&client);
    return status;
}

Test(tls_clients, new_authorities_are_for_all_who_were_not_judged_yet)
{
    struct pki_cert *next_ca = pki_authority("the next authority");
    struct pki_cert *old_cert = client_of(rig.ca), *new_cert = client_of(next_ca);
    struct tls_client *judged = tls_rig_dial(&rig, old_cert);
    struct tls_client *silent = tls_rig_dial(&rig, old_cert);
    cr_expect_eq(tls_get(judged, "/echo/x"), 200);
    cr_expect_eq(ask_if_wanted(old_cert), 200);
    cr_expect_eq(ask_if_wanted(new_cert), 403);

    pki_file_rewrite(&rig.client_ca, pki_chain_pem(next_ca));
    reload();
    cr_expect_eq(tls_get(judged, "/echo/x"), 200);
    cr_expect_eq(tls_get(silent, "/echo/x"), 403, "judged by the authorities of now");
    cr_expect_eq(ask_if_wanted(old_cert), 403);
    cr_expect_eq(ask_if_wanted(new_cert), 200);
    cr_expect_eq(ask_with(old_cert, "/echo/x"), 403);
    cr_expect_eq(ask_with(new_cert, "/echo/x"), 200);
    tls_hang_up(&judged);
    tls_hang_up(&silent);
    pki_free(&old_cert);
    pki_free(&new_cert);
    pki_free(&next_ca);
}

Test(tls_clients, a_bad_file_changes_nothing)
{
    struct pki_cert *client_cert = client_of(rig.ca);
    struct pki_cert *fresh = pki_make(&(struct pki_options){ .name = "fresh", .issuer = rig.ca });
    struct err err;
    pki_file_rewrite(&rig.cert, pki_chain_pem(fresh)); /* and the key of the one before */
    cr_expect_not(http_tls_reload(rig.tls, &err));
    cr_expect_not_null(strstr(err.text, "TLS_KEY_FILE="), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "does not belong"), "%s", err.text);
    struct tls_client *client = tls_rig_dial(&rig, client_cert);
    cr_expect_str_eq(tls_server_serial(client), pki_serial(rig.server_cert));
    cr_expect_eq(tls_get(client, "/echo/x"), 200);
    tls_hang_up(&client);
    pki_free(&fresh);
    pki_free(&client_cert);
}
