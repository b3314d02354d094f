/* Orders over TLS from the clients that others will use, client certificates, and certificates that
 * are replaced while the service runs. */
#include <gnutls/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "service_rig.h"
#include "support/exchanges.h"
#include "support/pki.h"
#include "support/tls_client.h"

enum { EXIT_CONFIG = 78, CLIENT_S = 60 };

static struct {
    struct pki_cert *ca, *other_ca;
    struct pki_cert *server, *client, *alien;
    struct pki_file cert_file, key_file, ca_file; /* the service's */
    struct pki_file good[2], bad[2];              /* certificate and key of clients */
    char *settings[3];
    struct rig rig;
} pki;

static struct pki_cert *client_of(const struct pki_cert *issuer)
{
    return pki_make(&(struct pki_options){
        .name = "client", .issuer = issuer, .purpose = GNUTLS_KP_TLS_WWW_CLIENT });
}

static struct pki_cert *server_of(const struct pki_cert *issuer)
{
    return pki_make(&(struct pki_options){
        .name = "server", .issuer = issuer, .rsa = true, .purpose = GNUTLS_KP_TLS_WWW_SERVER });
}

static void make_pki(void)
{
    pki.ca = pki_authority("the authority");
    pki.other_ca = pki_authority("another authority");
    pki.server = server_of(pki.ca);
    pki.client = client_of(pki.ca);
    pki.alien = client_of(pki.other_ca);
    pki.cert_file = pki_file(pki_chain_pem(pki.server));
    pki.key_file = pki_file(pki_key_pem(pki.server));
    pki.ca_file = pki_file(pki_chain_pem(pki.ca));
    pki.good[0] = pki_file(pki_chain_pem(pki.client));
    pki.good[1] = pki_file(pki_key_pem(pki.client));
    pki.bad[0] = pki_file(pki_chain_pem(pki.alien));
    pki.bad[1] = pki_file(pki_key_pem(pki.alien));
    pki.settings[0] = support_text("TLS_CERT_FILE=%s", pki.cert_file.path);
    pki.settings[1] = support_text("TLS_KEY_FILE=%s", pki.key_file.path);
    pki.settings[2] = support_text("TLS_CLIENT_CA_FILE=%s", pki.ca_file.path);
}

static void free_pki(void)
{
    pki_free(&pki.client);
    pki_free(&pki.alien);
    pki_free(&pki.server);
    pki_free(&pki.other_ca);
    pki_free(&pki.ca);
    for (size_t i = 0; i < 3; i++)
        free(pki.settings[i]);
}

TestSuite(service_tls, .init = make_pki, .fini = free_pki);

static struct tls_client *dial_with(const struct pki_cert *cert)
{
    struct tls_client *client = tls_dial(&(struct tls_options){ .port = daemon_port(pki.rig.daemon),
                                                                .cert = cert,
                                                                .issuer = pki.ca },
                                         NULL);
    cr_assert_not_null(client, "the handshake failed");
    return client;
}

/* For the tests of the contract. */
static void note(struct tls_client *client, const char *path, int status)
{
    char *lines = support_text("%s", tls_head(client)), *to = lines;
    const char *first = strchr(tls_head(client), '\n');
    for (const char *c = first != NULL ? first + 1 : ""; *c != '\0'; c++)
        if (*c != '\r')
            *to++ = *c;
    *to = '\0';
    char *body = support_text("%s", tls_body(client));
    const struct http_ask ask = { .method = "GET", .url = daemon_url(pki.rig.daemon, path) };
    exchanges_note(
        &ask, &(struct http_reply){
                  .status = status, .headers = lines, .body = body, .body_len = strlen(body) });
    free(body);
    free(lines);
}

static int get_with(const struct pki_cert *cert, const char *path)
{
    struct tls_client *client = dial_with(cert);
    char text[256];
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    int status = tls_send_text(client, text) ? tls_read_answer(client, "GET") : 0;
    note(client, path, status);
    tls_hang_up(&client);
    return status;
}

static void open_rig(void)
{
    pki.rig =
        rig_spawn(cluster_open(NULL), LIST(pki.settings[0], pki.settings[1], pki.settings[2]));
    cr_assert(daemon_log_wait(pki.rig.daemon, "service.listening", SOON_S));
    cr_assert(WAIT_UNTIL(get_with(NULL, "/health/ready") == 200, SOON_S));
}

/* ---- clients of others ---- */

static struct pki_file order_file(const char *id)
{
    char *body = order_body(id, "ACME");
    struct pki_file file = pki_file(body);
    free(body);
    return file;
}

/* The status that the command prints on a line of its own, first. */
static int run_client(const char *const argv[], const char *id, char **output)
{
    static const char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", NULL };
    struct pki_file order = order_file(id);
    int out = memfd_create("output", MFD_CLOEXEC);
    CHECK(out >= 0);
    const struct process process = { .argv = argv, .env = env, .in_fd = order.fd, .out_fd = out };
    CHECK(lseek(order.fd, 0, SEEK_SET) == 0);
    pid_t pid = process_spawn(&process);
    int ended = process_wait(pid, CLIENT_S);
    if (ended < 0)
        (void)kill(pid, SIGKILL);
    *output = support_read_fd(out);
    cr_expect_eq(ended, 0, "%s: exit status %d: %s", argv[0], ended, *output);
    close(out);
    close(order.fd);
    return (int)strtol(*output, NULL, 10);
}

static const char *url(void)
{
    static char text[64];
    (void)snprintf(text, sizeof text, "https://127.0.0.1:%d/v1/orders",
                   daemon_port(pki.rig.daemon));
    return text;
}

static int post_by_curl(const struct pki_file *cert, const char *id, char **output)
{
    const char *argv[] = { "curl",     "-sS",
                           "-o",       "/dev/null",
                           "-w",       "%{http_code}\n",
                           "-H",       "Content-Type: application/json",
                           "--cacert", pki.ca_file.path,
                           "--data",   "@-",
                           url(),      cert != NULL ? "--cert" : NULL,
                           NULL,       "--key",
                           NULL,       NULL };
    if (cert != NULL) {
        argv[14] = cert[0].path;
        argv[16] = cert[1].path;
    }
    return run_client(argv, id, output);
}

static int post_by_script(const char *interpreter, const char *script, const struct pki_file *cert,
                          const char *id, char **output)
{
    const char *const argv[] = { interpreter,
                                 script,
                                 url(),
                                 pki.ca_file.path,
                                 cert != NULL ? cert[0].path : NULL,
                                 cert != NULL ? cert[1].path : NULL,
                                 NULL };
    return run_client(argv, id, output);
}

static int post_by_python(const struct pki_file *cert, const char *id, char **output)
{
    return post_by_script("/usr/bin/python3", SOURCE_DIR "/tests/integration/clients/post_order.py",
                          cert, id, output);
}

static int post_by_node(const struct pki_file *cert, const char *id, char **output)
{
    return post_by_script("/usr/bin/node", SOURCE_DIR "/tests/integration/clients/post_order.mjs",
                          cert, id, output);
}

/* Says so and skips the test where there is no such program. */
static void need(const char *program)
{
    if (access(program, X_OK) == 0)
        return;
    printf("skipped: there is no %s\n", program);
    (void)fflush(stdout);
    cr_skip_test("there is no %s", program);
}

static void expect_orders(int (*post)(const struct pki_file *cert, const char *id, char **output))
{
    const struct {
        const struct pki_file *cert;
        const char *id;
        int status;
    } cases[] = {
        { pki.good, "with", 201 },
        { pki.good, "with", 200 },
        { NULL, "without", 403 },
        { pki.bad, "alien", 403 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *output;
        int status = post(cases[i].cert, cases[i].id, &output);
        cr_expect_eq(status, cases[i].status, "%s: %d, %s", cases[i].id, status, output);
        free(output);
    }
    cr_expect_eq(cluster_query_int(pki.rig.cluster, "SELECT count(*) FROM orders"), 1);
}

Test(service_tls, orders_come_from_curl, .timeout = TEST_S)
{
    need("/usr/bin/curl");
    open_rig();
    expect_orders(post_by_curl);
    cr_expect(daemon_log_contains(pki.rig.daemon, "\"tls\":\"on\""));
    rig_close(&pki.rig);
}

Test(service_tls, orders_come_from_python, .timeout = TEST_S)
{
    need("/usr/bin/python3");
    open_rig();
    expect_orders(post_by_python);
    rig_close(&pki.rig);
}

Test(service_tls, orders_come_from_node, .timeout = TEST_S)
{
    need("/usr/bin/node");
    open_rig();
    expect_orders(post_by_node);
    rig_close(&pki.rig);
}

/* ---- who needs a certificate ---- */

Test(service_tls, only_the_probes_need_no_certificate, .timeout = TEST_S)
{
    static const char *const probes[] = { "/health/live", "/health/ready", "/health/startup" };
    static const char *const others[] = { "/health", "/metrics", "/version",
                                          "/v1/orders?account_id=A&client_order_id=C" };
    open_rig();
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++)
        cr_expect_eq(get_with(NULL, probes[i]), 200, "%s", probes[i]);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        cr_expect_eq(get_with(NULL, others[i]), 403, "%s", others[i]);
        cr_expect_eq(get_with(pki.client, others[i]), 200, "%s", others[i]);
    }
    rig_close(&pki.rig);
}

Test(service_tls, the_health_check_speaks_it, .timeout = TEST_S)
{
    open_rig();
    char *output, *port = support_text("HTTP_PORT=%d", daemon_port(pki.rig.daemon));
    const char *const settings[] = { port, pki.settings[0], pki.settings[1], pki.settings[2],
                                     NULL };
    cr_expect_eq(rig_run(NULL, settings, LIST("healthcheck"), &output), 0, "%s", output);
    cr_expect_not_null(strstr(output, "pass"), "%s", output);
    free(output);
    cr_expect_eq(rig_run(NULL, LIST(port), LIST("healthcheck"), &output), 1, "in the clear");
    free(output);
    free(port);
    rig_close(&pki.rig);
}

Test(service_tls, old_versions_are_refused, .timeout = TEST_S)
{
    open_rig();
    struct tls_client *client = tls_dial(
        &(struct tls_options){ .port = daemon_port(pki.rig.daemon),
                               .priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.0:+VERS-TLS1.1" },
        NULL);
    cr_expect_null(client);
    tls_hang_up(&client);
    rig_close(&pki.rig);
}

/* ---- SIGHUP ---- */

static void reload(const char *event)
{
    daemon_signal(pki.rig.daemon, SIGHUP);
    cr_assert(daemon_log_wait(pki.rig.daemon, event, SOON_S), "no %s: %s", event,
              daemon_log(pki.rig.daemon));
}

static void expect_serial(const struct pki_cert *cert)
{
    struct tls_client *client = dial_with(pki.client);
    cr_expect_str_eq(tls_server_serial(client), pki_serial(cert));
    tls_hang_up(&client);
}

Test(service_tls, a_new_server_certificate_is_taken, .timeout = TEST_S)
{
    struct pki_cert *fresh = server_of(pki.ca);
    open_rig();
    struct tls_client *before = dial_with(pki.client);
    expect_serial(pki.server);

    pki_file_rewrite(&pki.cert_file, pki_chain_pem(fresh));
    pki_file_rewrite(&pki.key_file, pki_key_pem(fresh));
    reload("tls.reloaded");
    cr_expect(daemon_log_contains(pki.rig.daemon, pki_serial(fresh)));
    expect_serial(fresh);
    cr_expect_eq(get_with(pki.client, "/version"), 200);
    cr_assert(tls_send_text(before, "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    cr_expect_eq(tls_read_answer(before, "GET"), 200, "the old connection goes on");
    tls_hang_up(&before);
    pki_free(&fresh);
    rig_close(&pki.rig);
}

Test(service_tls, new_authorities_are_taken, .timeout = TEST_S)
{
    open_rig();
    cr_expect_eq(get_with(pki.client, "/version"), 200);
    cr_expect_eq(get_with(pki.alien, "/version"), 403);
    pki_file_rewrite(&pki.ca_file, pki_chain_pem(pki.other_ca));
    reload("tls.reloaded");
    cr_expect_eq(get_with(pki.client, "/version"), 403);
    cr_expect_eq(get_with(pki.alien, "/version"), 200);
    rig_close(&pki.rig);
}

Test(service_tls, a_broken_file_changes_nothing, .timeout = TEST_S)
{
    open_rig();
    pki_file_rewrite(&pki.cert_file, "-----BEGIN CERTIFICATE-----\nno\n");
    reload("tls.reload_failed");
    cr_expect(daemon_log_contains(pki.rig.daemon, "TLS_CERT_FILE="));
    expect_serial(pki.server);
    cr_expect_eq(get_with(pki.client, "/version"), 200);
    rig_close(&pki.rig);
}

/* ---- refused at start ---- */

static void expect_refused(const char *const settings[], const char *const args[], const char *says)
{
    char *output;
    int status = rig_run(NULL, settings, args, &output);
    cr_expect_eq(status, EXIT_CONFIG, "exit %d: %s", status, output);
    cr_expect_not_null(strstr(output, says), "no '%s' in: %s", says, output);
    free(output);
}

Test(service_tls, options_need_each_other, .timeout = TEST_S)
{
    expect_refused(LIST(pki.settings[0]), NULL, "needs TLS_KEY_FILE");
    expect_refused(LIST(pki.settings[1]), NULL, "needs TLS_CERT_FILE");
    expect_refused(LIST(pki.settings[2]), NULL, "needs TLS_CERT_FILE and TLS_KEY_FILE");
}

Test(service_tls, bad_files_are_refused_at_start, .timeout = TEST_S)
{
    const char *const unreadable[] = { pki.settings[0], "TLS_KEY_FILE=/nowhere/key.pem", NULL };
    const char *const good[] = { pki.settings[0], pki.settings[1], pki.settings[2], NULL };
    expect_refused(unreadable, NULL, "TLS_KEY_FILE=/nowhere/key.pem: No such file");
    expect_refused(unreadable, LIST("--check-config"), "TLS_KEY_FILE=/nowhere/key.pem: No such");

    char *output;
    cr_expect_eq(rig_run(NULL, good, LIST("--check-config"), &output), 0, "%s", output);
    free(output);
    pki_file_rewrite(&pki.key_file, pki_key_pem(pki.client));
    expect_refused(good, NULL, "does not belong to the certificate in TLS_CERT_FILE");
}

Test(service_tls, an_expired_certificate_is_warned_of, .timeout = TEST_S)
{
    struct pki_cert *old = pki_make(
        &(struct pki_options){ .name = "old", .issuer = pki.ca, .from_days = -9, .to_days = -1 });
    pki_file_rewrite(&pki.cert_file, pki_chain_pem(old));
    pki_file_rewrite(&pki.key_file, pki_key_pem(old));
    struct daemon *daemon = daemon_spawn(
        LIST("DATABASE_URL=host=/nowhere", pki.settings[0], pki.settings[1], "LOG_FORMAT=json"),
        NULL);
    cr_expect(daemon_log_wait(daemon, "\"tls.expired\",\"subject\":\"CN=old\"", SOON_S));
    cr_expect_eq(daemon_stop(daemon), 0);
    daemon_close(&daemon);
    pki_free(&old);
}
