/* silent_resolver.c - a library for LD_PRELOAD: name lookups never return, or, for every name,
 * return the addresses in RESOLVER_ADDRESSES, which are separated by blanks. Numeric addresses are
 * parsed as usual. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ADDRESS_SIZE = 64 };

typedef int lookup_function(const char *node, const char *service, const struct addrinfo *hints,
                            struct addrinfo **out);

static lookup_function *real_lookup(void)
{
    lookup_function *real;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (real == NULL)
        abort();
    return real;
}

/* Joins the lists of all addresses. */
static int give(const char *addresses, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    int rc = EAI_NONAME;
    while (*(addresses += strspn(addresses, " ")) != '\0') {
        char address[ADDRESS_SIZE];
        size_t len = strcspn(addresses, " ");
        (void)snprintf(address, sizeof address, "%.*s", (int)len, addresses);
        addresses += len;
        rc = real_lookup()(address, service, hints, out);
        while (rc == 0 && *out != NULL)
            out = &(*out)->ai_next;
    }
    return rc;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    struct addrinfo numeric = hints != NULL ? *hints : (struct addrinfo){ .ai_flags = 0 };
    bool only_numeric = node == NULL || (numeric.ai_flags & AI_NUMERICHOST) != 0;
    numeric.ai_flags |= AI_NUMERICHOST;
    int rc = real_lookup()(node, service, &numeric, out);
    if (rc == 0 || only_numeric)
        return rc;
    const char *addresses = getenv("RESOLVER_ADDRESSES");
    if (addresses != NULL)
        return give(addresses, service, &numeric, out);
    for (;;)
        (void)pause();
}
