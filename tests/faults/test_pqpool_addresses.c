/* A host name with several addresses, with libpq and real sockets: one that drops what is sent to
 * it, two that lead to one server, and the name that a certificate must be for. */
#include <stdio.h>
#include <unistd.h>

#include "integration/pqpool_cluster.h"
#include "pqpool/pool.h"
#include "support/black_hole.h"
#include "support/fake_lookup.h"
#include "support/pki.h"

/* A dial has this long, and each of two addresses half of it. */
enum { DIAL_S = 20 };

/* The server listens on two addresses of this machine; nothing answers at the third. */
#define FIRST "127.0.0.1"
#define SECOND "127.0.0.3"
#define SILENT "127.0.0.2"

static struct cluster *cluster_at_two_addresses(void)
{
    const struct cluster_options options = { .conf =
                                                 "listen_addresses = '" FIRST "," SECOND "'\n" };
    return cluster_open(&options);
}

static struct pqpool *open_pool_at(const char *conninfo)
{
    static struct pg_driver driver;
    struct pqpool_options options = options_for(conninfo, 1, 2);
    struct pqpool *pool = NULL;
    struct err err = { 0 };
    driver = fake_lookup_with(&pg_driver_libpq);
    options.connect_timeout_ns = DIAL_S * NS_PER_S;
    options.max_retry_attempts = 1;
    cr_assert_eq(pool_open_with(&options, &driver, &pool, &err), PQPOOL_OK, "%s", err.text);
    return pool;
}

static char *conninfo_of(const struct cluster *cluster, const char *host, const char *more)
{
    return support_text("host=%s port=%d user=postgres dbname=postgres gssencmode=disable %s", host,
                        cluster_port(cluster), more);
}

static void await_warm(struct pqpool *pool)
{
    AWAIT(stats_of(pool).connections.idle == 1 && stats_of(pool).health.healthy);
}

/* One more dial, to its end. */
static void dial_again(struct pqpool *pool)
{
    struct pqpool_lease *lease = lease_from(pool);
    uint64_t created = stats_of(pool).counters.created;
    pqpool_release(&lease, PQPOOL_DISCARD);
    AWAIT(stats_of(pool).counters.created > created && stats_of(pool).connections.idle == 1);
}

/* ---- an address that drops what is sent to it ---- */

Test(pqpool_addresses, a_silent_first_address_is_passed_and_remembered, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct black_hole hole = black_hole_open(SILENT, cluster_port(cluster));
    char *conninfo = conninfo_of(cluster, "db.example", "sslmode=disable");
    fake_lookup_set("db.example", SILENT " " FIRST);
    int64_t began_ns = clock_now_ns();
    struct pqpool *pool = open_pool_at(conninfo);
    await_warm(pool);
    printf("addresses: the first is silent, a dial has %d s: warm after %.1f s\n", DIAL_S,
           (double)(clock_now_ns() - began_ns) / 1e9);
    cr_expect_eq(stats_of(pool).counters.connection_errors[ERROR_TIMEOUT], 0, "no dial failed");

    began_ns = clock_now_ns();
    dial_again(pool);
    cr_expect_lt(clock_now_ns() - began_ns, DIAL_S / 2 * NS_PER_S, "the good one is dialled first");
    black_hole_close(&hole);
    free(conninfo);
    close_all(&pool, &cluster);
}

/* ---- two addresses of one server ---- */

Test(pqpool_addresses, another_address_of_the_same_server_is_no_move, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_at_two_addresses();
    char *conninfo = conninfo_of(cluster, "db.example", "sslmode=disable");
    fake_lookup_set("db.example", FIRST);
    struct pqpool *pool = open_pool_at(conninfo);
    await_warm(pool);
    struct pqpool_lease *held = lease_from(pool);
    fake_lookup_set("db.example", SECOND);
    struct pqpool_lease *other = lease_from(pool);
    cr_expect_str_eq(PQhostaddr(pqpool_lease_pg(other)), SECOND);
    cr_expect_str_eq(PQhost(pqpool_lease_pg(other)), "db.example", "the name is kept");
    cr_expect_eq(stats_of(pool).connections.generation, 0);
    pqpool_release(&held, PQPOOL_REUSE);
    pqpool_release(&other, PQPOOL_REUSE);
    cr_expect_eq(stats_of(pool).connections.idle, 2);
    free(conninfo);
    close_all(&pool, &cluster);
}

/* ---- TLS ---- */

/* As the server wants it: readable by its own user alone. */
static void write_as_server(struct cluster *cluster, const char *name, const char *text)
{
    char *sql = support_text("COPY (SELECT regexp_split_to_table($pem$%s$pem$, E'\\n')) TO PROGRAM "
                             "'umask 077; cat > %s/%s'",
                             text, cluster_folder(cluster), name);
    cluster_exec(cluster, sql);
    free(sql);
}

static void set(struct cluster *cluster, const char *option, const char *value)
{
    char *sql = support_text("ALTER SYSTEM SET %s = '%s'", option, value);
    cluster_exec(cluster, sql);
    free(sql);
}

static void turn_tls_on(struct cluster *cluster, const struct pki_cert *cert)
{
    char *files[] = { support_text("%s/tls.crt", cluster_folder(cluster)),
                      support_text("%s/tls.key", cluster_folder(cluster)) };
    write_as_server(cluster, "tls.crt", pki_chain_pem(cert));
    write_as_server(cluster, "tls.key", pki_key_pem(cert));
    set(cluster, "ssl_cert_file", files[0]);
    set(cluster, "ssl_key_file", files[1]);
    set(cluster, "ssl", "on");
    cluster_restart(cluster);
    free(files[0]);
    free(files[1]);
}

/* The certificate is good for localhost and 127.0.0.1. libpq is given that very address, and has to
 * check the name all the same. */
Test(pqpool_addresses, a_certificate_must_be_for_the_name, .timeout = TEST_S)
{
    struct cluster *cluster = cluster_open(NULL);
    struct pki_cert *authority = pki_authority("authority");
    struct pki_cert *cert =
        pki_make(&(struct pki_options){ .name = "server", .issuer = authority });
    struct pki_file root = pki_file(pki_chain_pem(authority));
    turn_tls_on(cluster, cert);
    fake_lookup_set("localhost", FIRST);
    fake_lookup_set("other.example", FIRST);
    char *more = support_text("sslmode=verify-full sslrootcert=%s", root.path);
    char *good = conninfo_of(cluster, "localhost", more);
    char *bad = conninfo_of(cluster, "other.example", more);

    struct pqpool *pool = open_pool_at(good);
    await_warm(pool);
    pqpool_close(&pool, after_seconds(SOON_S));

    pool = open_pool_at(bad);
    AWAIT(pqpool_is_down(pool, NULL));
    cr_expect_not_null(strstr(stats_of(pool).server.error, "other.example"), "%s",
                       stats_of(pool).server.error);
    cr_expect_not_null(strstr(stats_of(pool).server.error, "does not match host name"), "%s",
                       stats_of(pool).server.error);
    cr_expect_eq(stats_of(pool).counters.created, 0);
    free(bad);
    free(good);
    free(more);
    close(root.fd);
    pki_free(&cert);
    pki_free(&authority);
    close_all(&pool, &cluster);
}
