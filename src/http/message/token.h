/* token.h - measures tokens (RFC 9110, 5.6.2), such as the names of headers. Internal to http. */
#ifndef HTTP_MESSAGE_TOKEN_H
#define HTTP_MESSAGE_TOKEN_H

#include <stddef.h>

/* Returns the length of the token at the start of the text, at most max. A NUL ends a token. */
size_t token_length(const char *text, size_t max);

#endif
