/* banned.h - included before every file. It bans functions that cannot be called safely or that
 * hide a bound. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat strtok sprintf vsprintf gets atoi atol atoll      \
    gmtime localtime

#endif
