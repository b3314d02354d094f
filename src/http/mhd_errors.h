/* mhd_errors.h - inside of the layer: the callback for the error messages of libmicrohttpd.
 * libmicrohttpd reports two things by such a message only.
 *
 * The first: it has no descriptor for a new connection, see sweep_make_room().
 *
 * The second: 0.9.75 rejects a header section as a whole (a Content-Length that is no number, no
 * memory for a cookie). It makes an answer, goes on as if it had made none, and makes the head of
 * that answer again, so the client would read two heads. Between the two it calls only the callback
 * for error messages. That callback finds the connection, sends an answer of our own and shuts the
 * socket down, so that neither head is sent. Later versions stop by themselves, so nothing is done
 * there.
 *
 * Called by the loop's thread only. */
#ifndef HTTP_MHD_ERRORS_H
#define HTTP_MHD_ERRORS_H

#include <stdarg.h>

/* The MHD_LogCallback of MHD_OPTION_EXTERNAL_LOGGER. `cls` is the loop. Prints nothing. */
void mhd_errors_note(void *cls, const char *format, va_list args);

#endif
