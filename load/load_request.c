/* load_request.c - see load_request.h. */
#include "load/load_request.h"

#include <stdio.h>
#include <string.h>

enum { WORD = 4 };

#define SCATTER 618033988749U /* load/growth has it too */

static const char symbols[][WORD + 1] = { "AAPL", "MSFT", "NVDA", "GOOG",
                                          "AMZN", "META", "TSLA", "INTC" };
static const char sides[][WORD + 3] = { "\"buy\" ",
                                        "\"sell\"" }; /* a blank keeps both equally long */

bool load_request_init(struct load_request *request, const struct load_spread *spread,
                       const char *host, const char *prefix, const char *header)
{
    char body[LOAD_REQUEST_SIZE];
    request->spread = *spread;
    request->account_digits = spread->accounts > 1000 ? 6 : 3;
    int body_len = snprintf(body, sizeof body,
                            "{\"account_id\":\"acct-%0*d\",\"client_order_id\":\"%s000000000000\","
                            "\"symbol\":\"AAPL\",\"side\":\"buy\" ,\"type\":\"limit\","
                            "\"quantity\":\"100\",\"limit_price\":\"187.25\","
                            "\"time_in_force\":\"day\"}",
                            (int)request->account_digits, 0, prefix);
    int len =
        snprintf(request->text, sizeof request->text,
                 "POST /v1/orders HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                 "Content-Length: %d\r\n%s%s\r\n%s",
                 host, body_len, header != NULL ? header : "", header != NULL ? "\r\n" : "", body);
    if (strlen(prefix) > LOAD_PREFIX_MAX || len < 0 || (size_t)len >= sizeof request->text)
        return false;
    request->len = (size_t)len;
    size_t body_at = request->len - (size_t)body_len;
    request->account_at = body_at + (size_t)(strstr(body, "acct-") + strlen("acct-") - body);
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

/* Multiplication by a number that has no factor in common with LOAD_NUMBERS maps the numbers below
 * LOAD_NUMBERS to each other, and no two to the same. */
uint64_t load_request_number(const struct load_request *request, uint64_t n)
{
    const uint64_t number = (request->spread.first + n) % LOAD_NUMBERS;
    __extension__ typedef unsigned __int128 wide;
    return request->spread.scatter ? (uint64_t)((wide)number * SCATTER % LOAD_NUMBERS) : number;
}

static uint64_t account_of(const struct load_spread *spread, uint64_t n, uint64_t connection)
{
    if (spread->keep)
        return connection % spread->accounts;
    return n % 100 < spread->hot_percent ? 0 : n % spread->accounts;
}

void load_request_set(const struct load_request *request, char *text, uint64_t n,
                      uint64_t connection)
{
    put_digits(text + request->account_at, account_of(&request->spread, n, connection),
               request->account_digits);
    put_digits(text + request->number_at, load_request_number(request, n), LOAD_NUMBER_DIGITS);
    memcpy(text + request->symbol_at, symbols[n % 8], WORD);
    memcpy(text + request->side_at, sides[n / 8 % 2], WORD + 2);
}
