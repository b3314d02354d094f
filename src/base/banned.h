/* banned.h - is included before every file and bans functions of libc: those that do not check the
 * size of a buffer, do not report an error, or return static memory. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat strtok sprintf vsprintf gets atoi atol atoll      \
    gmtime localtime

#endif
