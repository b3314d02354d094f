/* Counts by client address, against a plain array, and what is one address. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>

#include "base/check.h"
#include "http/addresses.h"

static struct addresses addresses;

union any {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
};

static union any address_of(const char *text)
{
    union any out = { .v4 = { .sin_family = AF_INET } };
    if (inet_pton(AF_INET, text, &out.v4.sin_addr) == 1)
        return out;
    out = (union any){ .v6 = { .sin6_family = AF_INET6 } };
    CHECK(inet_pton(AF_INET6, text, &out.v6.sin6_addr) == 1);
    return out;
}

static uint32_t add(const char *text, struct address_count **out)
{
    union any client = address_of(text);
    uint32_t count = 0;
    *out = addresses_add(&addresses, &client.any, &count);
    cr_assert_not_null(*out);
    return count;
}

Test(addresses, what_is_one_address)
{
    static const struct {
        const char *text;
        uint32_t count; /* of its kind so far */
    } clients[] = {
        { "127.0.0.1", 1 },
        { "127.0.0.1", 2 },
        { "127.0.0.2", 1 },
        { "::ffff:127.0.0.1", 3 },
        { "2001:db8:1:2::1", 1 },
        { "2001:db8:1:2:ffff:ffff:ffff:ffff", 2 },
        { "2001:db8:1:3::1", 1 },
        { "::1", 1 },
        { "::2", 2 },
        { "0.0.0.0", 1 },
        { "::127.0.0.1", 3 },
    };
    enum { N = sizeof clients / sizeof clients[0] };
    struct address_count *counted[N];
    addresses_init(&addresses);
    for (size_t i = 0; i < N; i++)
        cr_expect_eq(add(clients[i].text, &counted[i]), clients[i].count, "%s", clients[i].text);
    cr_expect_eq(addresses_known(&addresses), 6);
    for (size_t i = 0; i < N; i++)
        addresses_remove(&addresses, counted[i]);
    cr_expect_eq(addresses_known(&addresses), 0);
    addresses_fini(&addresses);
}

Test(addresses, other_families_are_one)
{
    union any client = { .un = { .sun_family = AF_UNIX, .sun_path = "/a" } };
    uint32_t count;
    addresses_init(&addresses);
    struct address_count *a = addresses_add(&addresses, &client.any, &count);
    client.un.sun_path[1] = 'b';
    struct address_count *b = addresses_add(&addresses, &client.any, &count);
    cr_expect_eq(count, 2);
    cr_expect_eq(a, b);
    addresses_remove(&addresses, a);
    addresses_remove(&addresses, b);
    addresses_remove(&addresses, NULL);
    addresses_fini(&addresses);
}

/* More addresses than the table had room for at first, in any order. */
Test(addresses, counts_are_exact)
{
    enum { CLIENTS = 1000, STEPS = 50000, EACH_MAX = 20 };
    static struct address_count *held[CLIENTS][EACH_MAX];
    static uint32_t counts[CLIENTS];
    unsigned seed = 1;
    addresses_init(&addresses);
    for (int step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)rand_r(&seed) % CLIENTS;
        bool add_one = counts[i] == 0 || (counts[i] < EACH_MAX && rand_r(&seed) % 2 == 0);
        if (add_one) {
            union any client = { .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(i) } };
            uint32_t count = 0;
            held[i][counts[i]] = addresses_add(&addresses, &client.any, &count);
            cr_assert_eq(count, ++counts[i], "step %d", step);
        } else {
            addresses_remove(&addresses, held[i][--counts[i]]);
        }
    }
    size_t known = 0;
    for (unsigned i = 0; i < CLIENTS; i++)
        known += counts[i] > 0;
    cr_expect_eq(addresses_known(&addresses), known);
    for (unsigned i = 0; i < CLIENTS; i++)
        while (counts[i] > 0)
            addresses_remove(&addresses, held[i][--counts[i]]);
    cr_expect_eq(addresses_known(&addresses), 0);
    addresses_fini(&addresses);
}
