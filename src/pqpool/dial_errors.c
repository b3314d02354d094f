/* dial_errors.c - says why a dial failed: see dial_errors.h. */
#include "pqpool/dial_errors.h"

#include <stdio.h>
#include <string.h>

/* Finds the SQLSTATE in a verbose message such as "...: FATAL:  28P01: password authentication
 * failed". For a failed dial libpq gives the SQLSTATE in no other way. */
static void find_sqlstate(const char *message, char code[6])
{
    code[0] = '\0';
    for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        const char *c = at + 3;
        if (strspn(c, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && c[5] == ':') {
            memcpy(code, c, 5);
            code[5] = '\0';
            return;
        }
    }
}

static const char *host_of(const struct conn *conn)
{
    return dsn_host(conn->pool->dsn, conn->dial.host);
}

void dial_explain(const struct conn *conn, struct err *err, enum error_class *error_class)
{
    const char *message =
        conn->pg != NULL ? conn->pool->pg->error_message(conn->pg) : "out of memory";
    char code[6], text[sizeof err->text];
    (void)snprintf(text, sizeof text, "%s", message);
    char *location = strstr(text, "\nLOCATION:"); /* verbose messages have such a line */
    if (location != NULL)
        *location = '\0';
    find_sqlstate(message, code);
    /* libpq's message names only the address that libpq was given, so the host is added. */
    if (conn->dial.name != NULL)
        err_set_code(err, ERR_RETRYABLE, code, "%.100s: %s", host_of(conn), text);
    else
        err_set_code(err, ERR_RETRYABLE, code, "%s", text);
    if (strncmp(code, "28", 2) == 0 || strcmp(code, "3D000") == 0)
        *error_class = ERROR_CONFIG;
    else if (code[0] != '\0')
        *error_class = ERROR_SERVER;
    else
        *error_class = strstr(message, "refused") != NULL ? ERROR_REFUSED : ERROR_OTHER;
}

void dial_explain_timeout(const struct conn *conn, struct err *err, enum error_class *error_class)
{
    const char *host = host_of(conn), *address = dial_address(conn);
    *error_class = ERROR_TIMEOUT;
    if (conn->pg == NULL)
        err_set(err, ERR_RETRYABLE,
                "timeout: could not translate host name \"%.100s\" to address: no answer in time",
                host);
    else if (host[0] == '\0')
        err_set(err, ERR_RETRYABLE, "timeout: the server did not finish the connection in time");
    else
        err_set(err, ERR_RETRYABLE,
                "timeout: the server at %.100s%s%s%s did not finish the connection in time", host,
                address[0] != '\0' ? " (" : "", address, address[0] != '\0' ? ")" : "");
}

/* Returns how significant a failure is: the further the dial got, the higher. A wrong configuration
 * ranks highest, because an operator has to correct it. */
static int weight_of(int error_class)
{
    static const int weights[ERROR_CLASSES] = {
        [ERROR_OTHER] = 1,   [ERROR_LOST] = 1,   [ERROR_TIMEOUT] = 2,
        [ERROR_REFUSED] = 3, [ERROR_SERVER] = 4, [ERROR_CONFIG] = 5,
    };
    return weights[error_class];
}

void dial_note_failure(struct conn_dial *dial, const struct err *err, enum error_class error_class)
{
    dial->failures++;
    if (dial->failures > 1 && weight_of(dial->why_class) >= weight_of((int)error_class))
        return;
    dial->why = *err;
    dial->why_class = (int)error_class;
}

enum dial_rc dial_give_up(const struct conn_dial *dial, struct err *err,
                          enum error_class *error_class)
{
    *error_class = (enum error_class)dial->why_class;
    if (dial->failures == 1)
        *err = dial->why;
    else
        err_set_code(err, dial->why.flags, dial->why.code, "%u addresses tried: %s", dial->failures,
                     dial->why.text);
    return DIAL_FAILED;
}
