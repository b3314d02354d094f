/* accept.c - see accept.h. The header is read without copying: a span points into the header's
 * text. */
#include "http/message/accept.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "http/message/token.h"

enum { RANGE_ANY = 1, RANGE_TYPE = 2, RANGE_EXACT = 3 };

struct span {
    const char *at;
    size_t len;
};

struct parameter {
    struct span name, value;
};

static bool same(struct span a, struct span b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

static bool is(struct span a, const char *text)
{
    return same(a, (struct span){ text, strlen(text) });
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* Reads the token at *at, which may be empty, and moves *at behind the token. */
static struct span take_token(const char **at)
{
    struct span span = { *at, token_length(*at, SIZE_MAX) };
    *at += span.len;
    return span;
}

/* Takes a quoted string, and returns the text between its quotes. Escapes stay as they are, because
 * no media type of ours needs any. If the closing quote is missing, the returned span is empty. */
static struct span take_quoted(const char **at)
{
    const char *begin = ++*at;
    while (**at != '"' && **at != '\0')
        *at += **at == '\\' && (*at)[1] != '\0' ? 2 : 1;
    struct span span = { begin, (size_t)(*at - begin) };
    if (**at == '"')
        ++*at;
    else
        span.len = 0;
    return span;
}

/* Reads the parameter at *at, such as q=0.5, and moves *at behind the parameter. The caller has
 * skipped the ';'. Returns false if the parameter is malformed. */
static bool take_parameter(const char **at, struct parameter *out)
{
    *at = skip_blanks(*at);
    out->name = take_token(at);
    if (out->name.len == 0 || **at != '=')
        return false;
    ++*at;
    out->value = **at == '"' ? take_quoted(at) : take_token(at);
    *at = skip_blanks(*at);
    return out->value.len > 0;
}

static bool all_digits(struct span span)
{
    for (size_t i = 0; i < span.len; i++)
        if (span.at[i] < '0' || span.at[i] > '9')
            return false;
    return true;
}

/* Reads a quality, such as "0", "0.5", "0.125", "1" or "1.000", and returns it times
 * ACCEPT_QUALITY_MAX. Returns -1 for anything else. */
static int read_quality(struct span text)
{
    bool whole = text.at[0] == '0' || text.at[0] == '1';
    if (!whole || text.len > 5 || (text.len > 1 && text.at[1] != '.'))
        return -1;
    int quality = (text.at[0] - '0') * ACCEPT_QUALITY_MAX;
    struct span places = { text.at + 2, text.len > 2 ? text.len - 2 : 0 };
    if (!all_digits(places))
        return -1;
    int unit = ACCEPT_QUALITY_MAX / 10;
    for (size_t i = 0; i < places.len; i++, unit /= 10)
        quality += (places.at[i] - '0') * unit;
    return quality <= ACCEPT_QUALITY_MAX ? quality : -1;
}

enum fit { FIT_DIFFERS, FIT_OPEN, FIT_EQUAL };

/* Compares a parameter of a range with the parameters of the media type. Returns FIT_OPEN if the
 * media type has no parameter of that name. */
static enum fit fit_of(const char *media_type, const struct parameter *wanted)
{
    struct parameter have;
    for (const char *at = strchr(media_type, ';'); at != NULL; at = strchr(at, ';')) {
        at++;
        if (take_parameter(&at, &have) && same(have.name, wanted->name))
            return same(have.value, wanted->value) ? FIT_EQUAL : FIT_DIFFERS;
    }
    return FIT_OPEN;
}

/* Returns how closely the range type/subtype matches the media type: one of RANGE_*, or 0 if the
 * range does not match. */
static int specificity_of(struct span type, struct span subtype, const char *media_type)
{
    struct span have = take_token(&media_type);
    media_type += *media_type == '/';
    struct span have_sub = take_token(&media_type);
    if (is(type, "*"))
        return RANGE_ANY;
    if (!same(type, have))
        return 0;
    if (is(subtype, "*"))
        return RANGE_TYPE;
    return same(subtype, have_sub) ? RANGE_EXACT : 0;
}

struct range {
    int specificity, quality; /* quality < 0: malformed */
};

static void apply(struct range *range, const struct parameter *parameter, const char *media_type)
{
    if (is(parameter->name, "q")) {
        range->quality = read_quality(parameter->value);
        return;
    }
    switch (fit_of(media_type, parameter)) {
    case FIT_DIFFERS:
        range->specificity = 0;
        break;
    case FIT_EQUAL:
        range->specificity += range->specificity > 0;
        break;
    case FIT_OPEN:
        break;
    }
}

/* Reads the range at *at, such as "text/html;level=1;q=0.5", up to ',' or the end. Returns false if
 * the range is malformed. */
static bool take_range(const char **at, const char *media_type, struct range *out)
{
    struct span type = take_token(at);
    if (type.len == 0 || **at != '/')
        return false;
    ++*at;
    struct span subtype = take_token(at);
    if (subtype.len == 0 || (is(type, "*") && !is(subtype, "*")))
        return false;
    *out = (struct range){ specificity_of(type, subtype, media_type), ACCEPT_QUALITY_MAX };
    *at = skip_blanks(*at);
    while (**at == ';') {
        struct parameter parameter;
        ++*at;
        if (!take_parameter(at, &parameter))
            return false;
        apply(out, &parameter, media_type);
    }
    return out->quality >= 0 && (**at == ',' || **at == '\0');
}

static bool counts_more(const struct range *range, const struct accept_match *match)
{
    return range->specificity > match->specificity ||
           (range->specificity > 0 && range->specificity == match->specificity &&
            range->quality > match->quality);
}

void accept_read(struct accept_match *match, const char *value, const char *media_type)
{
    const char *at = value;
    while (!match->malformed && *(at += strspn(at, " \t,")) != '\0') {
        struct range range;
        match->any_range = true;
        match->malformed = !take_range(&at, media_type, &range);
        if (!match->malformed && counts_more(&range, match)) {
            match->specificity = range.specificity;
            match->quality = range.quality;
        }
    }
}

int accept_quality(const struct accept_match *match)
{
    bool absent = match->malformed || !match->any_range;
    return absent ? ACCEPT_QUALITY_MAX : match->quality;
}

bool accept_prefers(const struct accept_match *a, const struct accept_match *b)
{
    int of_a = accept_quality(a), of_b = accept_quality(b);
    bool counts = !a->malformed && a->any_range;
    return of_a > of_b || (counts && of_a == of_b && a->specificity > b->specificity);
}
