/* replay.c - main() of a fuzz target where there is no libFuzzer: feeds it every file named, and
 * every file in a folder named. Fails when there was nothing to feed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"

enum { INPUT_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay_file(const char *path)
{
    struct buf input = BUF_INIT(INPUT_MAX);
    bool ok = false;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        goto out;
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_add(&input, chunk, n);
    if (ferror(file) != 0 || input.failed)
        goto out;
    (void)LLVMFuzzerTestOneInput((const uint8_t *)input.data, input.len);
    ok = true;

out:
    if (!ok)
        perror(path);
    if (file != NULL)
        (void)fclose(file);
    buf_fini(&input);
    return ok;
}

/* How many files were fed; -1 when one could not be read. */
static long replay_folder(const char *path, DIR *folder)
{
    long fed = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char name[4096];
        struct stat info;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (stat(name, &info) != 0 || !S_ISREG(info.st_mode))
            continue;
        if (!replay_file(name))
            return -1;
        fed++;
    }
    return fed;
}

int main(int argc, char **argv)
{
    long fed = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        long n = folder != NULL ? replay_folder(argv[i], folder) : replay_file(argv[i]) ? 1 : -1;
        if (folder != NULL)
            (void)closedir(folder);
        if (n < 0)
            return EXIT_FAILURE;
        fed += n;
    }
    printf("%ld inputs\n", fed);
    return fed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
