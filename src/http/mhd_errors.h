/* mhd_errors.h - handles two events that libmicrohttpd reports only by an error message. Internal
 * to http; called by the loop's thread only.
 *
 * The first event: libmicrohttpd has no descriptor for a new connection, see sweep_make_room().
 *
 * The second: libmicrohttpd 0.9.75 rejects a complete header section, because Content-Length is not
 * a number or too large, or because a cookie does not fit into memory. Because of a bug, the answer
 * of libmicrohttpd begins with two header sections. Before that answer is made, libmicrohttpd calls
 * mhd_errors_note(), which sends an answer of our own and shuts the socket down. So the malformed
 * answer is not sent. Later versions do not have the bug, so with them nothing is done. */
#ifndef HTTP_MHD_ERRORS_H
#define HTTP_MHD_ERRORS_H

#include <stdarg.h>

/* The MHD_LogCallback of MHD_OPTION_EXTERNAL_LOGGER. `cls` is the loop. Prints nothing. */
void mhd_errors_note(void *cls, const char *format, va_list args);

#endif
