/* mhd.c - see mhd.h. */
#include "support/mhd.h"

#include <microhttpd.h>
#include <string.h>

bool mhd_refuses_malformed(void)
{
    return strverscmp(MHD_get_version(), "0.9.77") >= 0;
}

bool mhd_answered(const char *head)
{
    return mhd_refuses_malformed() && strstr(head, "X-Request-Id: ") == NULL;
}
