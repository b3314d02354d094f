/* Handshakes on several loops while the files are replaced all the time: each connection has one
 * whole set or another, and is served. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/sync.h"
#include "unit/http/tls_fixture.h"

enum { CLIENTS = 3, DIALS = 60, LOOPS = 2 };

static struct tls_rig rig;
static struct pki_cert *client_cert, *other_cert;
static atomic_bool done;

static void ask(struct tls_client *client)
{
    for (int i = 0; i < 3; i++) {
        CHECK(tls_post(client, "/count", "{}", 2));
        CHECK(tls_read_answer(client, "POST") == 200);
    }
}

static void *dial_and_ask(void *arg)
{
    (void)arg;
    for (int i = 0; i < DIALS; i++) {
        struct tls_client *client = tls_rig_dial(&rig, client_cert);
        const char *serial = tls_server_serial(client);
        CHECK(strcmp(serial, pki_serial(rig.server_cert)) == 0 ||
              strcmp(serial, pki_serial(other_cert)) == 0);
        ask(client);
        tls_hang_up(&client);
    }
    return NULL;
}

static void put(const struct pki_cert *cert)
{
    pki_file_rewrite(&rig.cert, pki_chain_pem(cert));
    pki_file_rewrite(&rig.key, pki_key_pem(cert));
}

/* Each third time the files are no pair. */
static void *reload(void *arg)
{
    (void)arg;
    struct http_tls_info info;
    struct err err;
    for (int i = 0; !atomic_load_explicit(&done, memory_order_relaxed); i++) {
        put(i % 2 == 0 ? other_cert : rig.server_cert);
        CHECK(http_tls_reload(rig.tls, &err));
        if (i % 3 == 0) {
            pki_file_rewrite(&rig.key, pki_key_pem(client_cert));
            CHECK(!http_tls_reload(rig.tls, &err));
        }
        http_tls_info(rig.tls, &info);
        CHECK(strcmp(info.serial, pki_serial(i % 2 == 0 ? other_cert : rig.server_cert)) == 0);
    }
    return NULL;
}

int main(void)
{
    struct http_options options = { TLS_SERVE_OPTIONS };
    options.threads = LOOPS;
    tls_rig_open(&rig, options, true);
    client_cert = pki_make(&(struct pki_options){ .name = "client", .issuer = rig.ca });
    other_cert = pki_make(&(struct pki_options){ .name = "other", .issuer = rig.ca });
    pthread_t clients[CLIENTS], reloader;
    CHECK(thread_start(&reloader, "reloader", reload, NULL) == 0);
    for (int i = 0; i < CLIENTS; i++)
        CHECK(thread_start(&clients[i], "client", dial_and_ask, NULL) == 0);
    for (int i = 0; i < CLIENTS; i++)
        thread_join(clients[i]);
    atomic_store_explicit(&done, true, memory_order_relaxed);
    thread_join(reloader);
    tls_rig_close(&rig);
    pki_free(&client_cert);
    pki_free(&other_cert);
    return 0;
}
