/* What an Accept header thinks of a type. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "http/message/accept.h"

#define OPENMETRICS "application/openmetrics-text; version=1.0.0"

static struct accept_match match_of(const char *accept, const char *media_type)
{
    struct accept_match match = ACCEPT_UNREAD;
    accept_read(&match, accept, media_type);
    return match;
}

struct accept_case {
    char accept[120], type[64];
    int quality;
};

ParameterizedTestParameters(accept, quality)
{
#define JSON "application/json"
    /* clang-format off */
    static struct accept_case cases[] = {
        { "application/json",                              JSON, 1000 },
        { "Application/JSON",                              JSON, 1000 },
        { "*/*",                                           JSON, 1000 },
        { "application/*",                                 JSON, 1000 },
        { "text/*",                                        JSON, 0 },
        { "text/html",                                     JSON, 0 },
        { "application/jsonx",                             JSON, 0 },
        { "application/jso",                               JSON, 0 },
        { "text/html, application/json;q=0.5",             JSON, 500 },
        { "text/html,*/*;q=0.1",                           JSON, 100 },
        { "application/json;q=0",                          JSON, 0 },
        { "application/json;q=0, */*",                     JSON, 0 },   /* the more specific one */
        { "*/*, application/json;q=0",                     JSON, 0 },
        { "application/*;q=0.2, */*;q=0.9",                JSON, 200 },
        { "application/json;q=0.001",                      JSON, 1 },
        { "application/json ; q=0.25 ",                    JSON, 250 },
        { "application/json;\tq=1.000",                    JSON, 1000 },
        { "application/json;Q=0.3",                        JSON, 300 },
        { "application/json;charset=utf-8",                JSON, 1000 }, /* ours names none */
        { "application/json;charset=\"utf-8, x\";q=0.4",   JSON, 400 },
        { "application/json;charset=x;q=0, application/json", JSON, 1000 },
        { ", ,application/json,,",                         JSON, 1000 },
        { "application/problem+json",                      JSON, 0 },
        /* nothing asked for, or nothing that can be read: as if absent */
        { "",                                              JSON, 1000 },
        { " , ",                                           JSON, 1000 },
        { "text/html, json",                               JSON, 1000 },
        { "text/",                                         JSON, 1000 },
        { "/json",                                         JSON, 1000 },
        { "*/json",                                        JSON, 1000 },
        { "text/html;q=2",                                 JSON, 1000 },
        { "text/html;q=1.001",                             JSON, 1000 },
        { "text/html;q=0.1234",                            JSON, 1000 },
        { "text/html;q=-1",                                JSON, 1000 },
        { "text/html;q=",                                  JSON, 1000 },
        { "text/html;q",                                   JSON, 1000 },
        { "text/html;=1",                                  JSON, 1000 },
        { "text/html;a=\"open",                            JSON, 1000 },
        { "text/html application/xml",                     JSON, 1000 },
        { "text/html;q=0.x",                               JSON, 1000 },
        /* parameters of the type */
        { "application/openmetrics-text",                  OPENMETRICS, 1000 },
        { "application/openmetrics-text;version=1.0.0",    OPENMETRICS, 1000 },
        { "application/openmetrics-text;version=\"1.0.0\"", OPENMETRICS, 1000 },
        { "application/openmetrics-text;version=0.0.1",    OPENMETRICS, 0 },
        { "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6", OPENMETRICS, 600 },
        { "application/openmetrics-text;version=0.0.1;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5",
                                                           OPENMETRICS, 500 },
        { "application/openmetrics-text;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5",
                                                           OPENMETRICS, 500 },
    };
    /* clang-format on */
    return cr_make_param_array(struct accept_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct accept_case *c, accept, quality)
{
    struct accept_match match = match_of(c->accept, c->type);
    cr_expect_eq(accept_quality(&match), c->quality, "%d for %s by \"%s\"", accept_quality(&match),
                 c->type, c->accept);
}

Test(accept, several_fields_are_one_list)
{
    struct accept_match match = ACCEPT_UNREAD;
    accept_read(&match, "text/html", JSON);
    cr_expect_eq(accept_quality(&match), 0);
    accept_read(&match, "*/*;q=0.3", JSON);
    cr_expect_eq(accept_quality(&match), 300);
    accept_read(&match, "application/json;q=0.2", JSON);
    cr_expect_eq(accept_quality(&match), 200);
    accept_read(&match, "application/xml", JSON);
    cr_expect_eq(accept_quality(&match), 200);
}

Test(accept, none_read_accepts_all)
{
    struct accept_match match = ACCEPT_UNREAD;
    cr_expect_eq(accept_quality(&match), 1000);
}

struct prefer_case {
    char accept[200];
    bool openmetrics;
};

ParameterizedTestParameters(accept, prefers)
{
    /* clang-format off */
    static struct prefer_case cases[] = {
        { "",                                                   false },
        { "*/*",                                                false },
        { "text/plain",                                         false },
        { "text/html",                                          false },
        { "broken",                                             false },
        { "application/openmetrics-text",                       true },
        { "application/openmetrics-text, */*",                  true },  /* named, not let pass */
        { "application/openmetrics-text, text/plain",           false }, /* as good: the default */
        { "application/openmetrics-text;version=0.0.1, text/plain;q=0.5", false },
        { "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",           true },
        { "application/openmetrics-text;q=0.1, text/plain",     false },
    };
    /* clang-format on */
    return cr_make_param_array(struct prefer_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct prefer_case *c, accept, prefers)
{
    struct accept_match a = match_of(c->accept, OPENMETRICS);
    struct accept_match b = match_of(c->accept, "text/plain; version=0.0.4");
    cr_expect_eq(accept_prefers(&a, &b), c->openmetrics, "%s", c->accept);
}
