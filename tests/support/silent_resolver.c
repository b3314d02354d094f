/* silent_resolver.c - a library to preload: name lookups of the program never return. Numeric
 * addresses are read as ever. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

typedef int lookup_function(const char *node, const char *service, const struct addrinfo *hints,
                            struct addrinfo **out);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    lookup_function *real;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (real == NULL)
        abort();
    struct addrinfo numeric = hints != NULL ? *hints : (struct addrinfo){ .ai_flags = 0 };
    bool only_numeric = node == NULL || (numeric.ai_flags & AI_NUMERICHOST) != 0;
    numeric.ai_flags |= AI_NUMERICHOST;
    int rc = real(node, service, &numeric, out);
    if (rc == 0 || only_numeric)
        return rc;
    for (;;)
        (void)pause();
}
