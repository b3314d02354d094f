/* load_request.c - see load_request.h. */
#include "load/load_request.h"

#include <stdio.h>
#include <string.h>

enum { ACCOUNTS = 64, ACCOUNT_DIGITS = 3, WORD = 4 };

static const char symbols[][WORD + 1] = { "AAPL", "MSFT", "NVDA", "GOOG",
                                          "AMZN", "META", "TSLA", "INTC" };
static const char sides[][WORD + 3] = { "\"buy\" ",
                                        "\"sell\"" }; /* a blank keeps both equally long */

bool load_request_init(struct load_request *request, const char *host, const char *prefix,
                       const char *header)
{
    char body[LOAD_REQUEST_SIZE];
    int body_len = snprintf(body, sizeof body,
                            "{\"account_id\":\"acct-000\",\"client_order_id\":\"%s000000000000\","
                            "\"symbol\":\"AAPL\",\"side\":\"buy\" ,\"type\":\"limit\","
                            "\"quantity\":\"100\",\"limit_price\":\"187.25\","
                            "\"time_in_force\":\"day\"}",
                            prefix);
    int len =
        snprintf(request->text, sizeof request->text,
                 "POST /v1/orders HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                 "Content-Length: %d\r\n%s%s\r\n%s",
                 host, body_len, header != NULL ? header : "", header != NULL ? "\r\n" : "", body);
    if (strlen(prefix) > LOAD_PREFIX_MAX || len < 0 || (size_t)len >= sizeof request->text)
        return false;
    request->len = (size_t)len;
    size_t body_at = request->len - (size_t)body_len;
    request->account_at = body_at + (size_t)(strstr(body, "acct-000") + strlen("acct-") - body);
    request->symbol_at = body_at + (size_t)(strstr(body, "AAPL") - body);
    request->side_at = body_at + (size_t)(strstr(body, "\"buy\"") - body);
    request->number_at = body_at + (size_t)(strstr(body, "000000000000\",\"symbol") - body);
    return true;
}

static void put_digits(char *text, uint64_t number, size_t digits)
{
    for (size_t i = digits; i > 0; i--, number /= 10)
        text[i - 1] = (char)('0' + number % 10);
}

void load_request_set(const struct load_request *request, char *text, uint64_t number)
{
    put_digits(text + request->account_at, number % ACCOUNTS, ACCOUNT_DIGITS);
    put_digits(text + request->number_at, number, LOAD_NUMBER_DIGITS);
    memcpy(text + request->symbol_at, symbols[number % 8], WORD);
    memcpy(text + request->side_at, sides[number / 8 % 2], WORD + 2);
}
