/* load_url.c - see load_url.h. */
#include "load/load_url.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

bool load_url(const char *url, char *host, size_t size, struct sockaddr_in *out)
{
    static const char scheme[] = "http://";
    const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char name[256];
    if (strncmp(url, scheme, strlen(scheme)) != 0)
        return false;
    int len = snprintf(host, size, "%s", url + strlen(scheme));
    const char *colon = strrchr(host, ':');
    if (len < 0 || (size_t)len >= size || colon == NULL)
        return false;
    (void)snprintf(name, sizeof name, "%.*s", (int)(colon - host), host);
    if (getaddrinfo(name, colon + 1, &hints, &found) != 0)
        return false;
    memcpy(out, found->ai_addr, sizeof *out);
    freeaddrinfo(found);
    return true;
}
