/* addresses.c - see addresses.h. The table is a hash table with chains. It doubles its buckets when
 * it has as many addresses as buckets. If there is no memory for that, the chains get longer. */
#include "http/addresses.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

enum { BUCKETS_FIRST = 64, KEY_WORDS = 2, NETWORK_BYTES = 8 };

struct address_count {
    struct address_count *next;
    uint64_t key[KEY_WORDS];
    uint32_t connections;
};

void addresses_init(struct addresses *addresses) NO_TSA
{
    *addresses = (struct addresses){ .n = 0 };
    mutex_init(&addresses->mu);
    CHECK(getrandom(&addresses->seed, sizeof addresses->seed, 0) == sizeof addresses->seed);
}

void addresses_fini(struct addresses *addresses) NO_TSA
{
    CHECK(addresses->n == 0);
    free(addresses->buckets);
    mutex_fini(&addresses->mu);
}

static void key_of_v4(const void *v4, unsigned char bytes[16])
{
    bytes[10] = bytes[11] = 0xff;
    memcpy(bytes + 12, v4, 4);
}

static void key_of_v6(const struct in6_addr *v6, unsigned char bytes[16])
{
    if (IN6_IS_ADDR_V4MAPPED(v6))
        key_of_v4(v6->s6_addr + 12, bytes);
    else
        memcpy(bytes, v6->s6_addr, NETWORK_BYTES);
}

/* Makes the key under which the client's address is counted. All clients whose address is neither
 * IPv4 nor IPv6 have the same key. */
static void key_of(const struct sockaddr *client, uint64_t key[KEY_WORDS])
{
    unsigned char bytes[16] = { 0 };
    if (client->sa_family == AF_INET)
        key_of_v4(&((const struct sockaddr_in *)(const void *)client)->sin_addr, bytes);
    if (client->sa_family == AF_INET6)
        key_of_v6(&((const struct sockaddr_in6 *)(const void *)client)->sin6_addr, bytes);
    memcpy(key, bytes, sizeof bytes);
}

/* Mixes the bits of `x`: this is the finalizer of splitmix64. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t hash_of(const struct addresses *addresses, const uint64_t key[KEY_WORDS])
{
    return mix(mix(key[0] ^ addresses->seed) ^ key[1] ^ ~addresses->seed);
}

uint64_t addresses_hash(const struct addresses *addresses, const struct sockaddr *client)
{
    uint64_t key[KEY_WORDS];
    key_of(client, key);
    return hash_of(addresses, key);
}

static struct address_count **bucket_of(struct addresses *addresses, const uint64_t key[KEY_WORDS])
    REQUIRES(addresses->mu)
{
    return &addresses->buckets[hash_of(addresses, key) & (addresses->n_buckets - 1)];
}

static void link_all(struct addresses *addresses, struct address_count *first)
    REQUIRES(addresses->mu)
{
    while (first != NULL) {
        struct address_count *address = first;
        struct address_count **bucket = bucket_of(addresses, address->key);
        first = address->next;
        address->next = *bucket;
        *bucket = address;
    }
}

/* Makes the table larger if it is full. Returns false if there is no table yet and no memory for
 * one. */
static bool make_room(struct addresses *addresses) REQUIRES(addresses->mu)
{
    size_t old_n = addresses->n_buckets, n = old_n > 0 ? 2 * old_n : BUCKETS_FIRST;
    struct address_count **old = addresses->buckets, **buckets;
    if (addresses->n < old_n)
        return true;
    buckets = calloc(n, sizeof(struct address_count *));
    if (buckets == NULL)
        return old_n > 0;
    addresses->buckets = buckets;
    addresses->n_buckets = n;
    for (size_t i = 0; i < old_n; i++)
        link_all(addresses, old[i]);
    free(old);
    return true;
}

static struct address_count *find(struct addresses *addresses, const uint64_t key[KEY_WORDS])
    REQUIRES(addresses->mu)
{
    struct address_count *at = addresses->n > 0 ? *bucket_of(addresses, key) : NULL;
    while (at != NULL && memcmp(at->key, key, sizeof at->key) != 0)
        at = at->next;
    return at;
}

static struct address_count *add(struct addresses *addresses, const uint64_t key[KEY_WORDS])
    REQUIRES(addresses->mu)
{
    struct address_count *address = make_room(addresses) ? calloc(1, sizeof *address) : NULL;
    if (address == NULL)
        return NULL;
    memcpy(address->key, key, sizeof address->key);
    link_all(addresses, address);
    addresses->n++;
    return address;
}

struct address_count *addresses_add(struct addresses *addresses, const struct sockaddr *client,
                                    uint32_t *count)
{
    uint64_t key[KEY_WORDS];
    key_of(client, key);
    mutex_lock(&addresses->mu);
    struct address_count *address = find(addresses, key);
    if (address == NULL)
        address = add(addresses, key);
    if (address != NULL)
        *count = ++address->connections;
    mutex_unlock(&addresses->mu);
    return address;
}

static void unlink_one(struct addresses *addresses, struct address_count *address)
    REQUIRES(addresses->mu)
{
    struct address_count **at = bucket_of(addresses, address->key);
    while (*at != address)
        at = &(*at)->next;
    *at = address->next;
    addresses->n--;
}

void addresses_remove(struct addresses *addresses, struct address_count *address)
{
    if (address == NULL)
        return;
    mutex_lock(&addresses->mu);
    bool last = --address->connections == 0;
    if (last)
        unlink_one(addresses, address);
    mutex_unlock(&addresses->mu);
    if (last)
        free(address);
}

size_t addresses_known(struct addresses *addresses)
{
    mutex_lock(&addresses->mu);
    size_t n = addresses->n;
    mutex_unlock(&addresses->mu);
    return n;
}
