/* self.c - see self.h. */
#include "support/self.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"

static int entries(const char *folder)
{
    DIR *dir = opendir(folder);
    CHECK(dir != NULL);
    int n = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        n += isdigit((unsigned char)entry->d_name[0]) != 0;
    closedir(dir);
    return n;
}

int self_fds(void)
{
    return entries("/proc/self/fd") - 1; /* without the one that reads the folder */
}

int self_threads(void)
{
    return entries("/proc/self/task");
}

/* Counts each socket once, however many descriptors it has. */
static int own_inodes(unsigned long inodes[SELF_SOCKETS_MAX])
{
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir != NULL);
    int n = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char link[64] = "";
        unsigned long inode;
        if (readlinkat(dirfd(dir), entry->d_name, link, sizeof link - 1) < 0 ||
            sscanf(link, "socket:[%lu]", &inode) != 1)
            continue;
        bool known = false;
        for (int i = 0; i < n; i++)
            known |= inodes[i] == inode;
        if (!known && n < SELF_SOCKETS_MAX)
            inodes[n++] = inode;
    }
    closedir(dir);
    return n;
}

/* Removes the inode from the list, because the kernel's table may show a socket twice while sockets
 * open and close. */
static bool take_inode(unsigned long inode, unsigned long inodes[], int n)
{
    for (int i = 0; i < n; i++)
        if (inode != 0 && inodes[i] == inode) {
            inodes[i] = 0;
            return true;
        }
    return false;
}

/* Reads our descriptors first, then the kernel's table. A socket in both was open when the first
 * list was complete. */
int self_sockets_to(int port, int own_ports[SELF_SOCKETS_MAX])
{
    unsigned long inodes[SELF_SOCKETS_MAX], inode;
    int n_inodes = own_inodes(inodes), n = 0;
    FILE *table = fopen("/proc/self/net/tcp", "re");
    CHECK(table != NULL);
    char line[256];
    unsigned own, peer;
    while (fgets(line, sizeof line, table) != NULL)
        if (sscanf(line, " %*d: %*x:%x %*x:%x %*x %*s %*s %*s %*s %*s %lu", &own, &peer, &inode) ==
                3 &&
            peer == (unsigned)port && n < SELF_SOCKETS_MAX && take_inode(inode, inodes, n_inodes))
            own_ports[n++] = (int)own;
    fclose(table);
    return n;
}
