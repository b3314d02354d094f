/* token.h - inside of the layer: tokens of RFC 9110, 5.6.2, such as names of headers. */
#ifndef HTTP_MESSAGE_TOKEN_H
#define HTTP_MESSAGE_TOKEN_H

#include <stddef.h>

/* Returns the length of the token at the start of the text, at most max. A NUL ends a token. */
size_t token_length(const char *text, size_t max);

#endif
