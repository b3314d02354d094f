/* mhd_errors.h - inside of the layer: what libmicrohttpd reports, where no callback tells it.
 *
 * A lack of descriptors: it accepts no connection until one of its own has closed. See
 * conns_make_room().
 *
 * A refusal by 0.9.75 of a header section as a whole (a Content-Length that is no number, no memory
 * for a cookie): it makes an answer, goes on as if it had not, and makes the head of that answer a
 * second time: the client reads two. No callback comes between the two but that for error messages.
 * There we find the connection, send one answer of our own and shut the socket down, so that
 * nothing of libmicrohttpd's leaves. Later versions stop by themselves: nothing is done there.
 *
 * The loop's thread only. */
#ifndef HTTP_MHD_ERRORS_H
#define HTTP_MHD_ERRORS_H

#include <stdarg.h>

/* MHD_LogCallback of MHD_OPTION_EXTERNAL_LOGGER; cls is the loop. Prints nothing. */
void mhd_errors_note(void *cls, const char *format, va_list args);

#endif
