/* Which request targets can be believed, and what their path is. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "http/message/target.h"

struct target_case {
    char target[64];
    char fault[16]; /* a part of it; "": none */
};

ParameterizedTestParameters(target, faults)
{
    /* clang-format off */
    static struct target_case cases[] = {
        { "/v1/orders",            "" },
        { "/v1/orders?a=1%2F2&b",  "" },
        { "/a%20b%41%7e",          "" },
        { "/?",                    "" },
        { "*",                     "" },
        { "",                      "" },
        { "http://h/p",            "" },
        { "/\xc3\xa9",             "" },
        { "/a%2Fb",                "%2F" },
        { "/a%2fb?c",              "%2F" },
        { "/a%00",                 "%00" },
        { "/a?b=%00",              "%00" },
        { "/%",                    "%25" },
        { "/%4",                   "%25" },
        { "/%zz",                  "%25" },
        { "/%4g",                  "%25" },
        { "/a?b=%",                "%25" },
        { "/a?b=%%41",             "%25" },
        { "/a b",                  "blank" },
        { "/a\tb",                 "blank" },
        { "/a\x01",                "control" },
        { "/a\x7f",                "control" },
        { "/a\rb",                 "control" },
    };
    /* clang-format on */
    return cr_make_param_array(struct target_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct target_case *c, target, faults)
{
    const char *fault = target_fault(c->target);
    if (c->fault[0] == '\0')
        cr_expect_null(fault, "%s: %s", c->target, fault);
    else
        cr_expect(fault != NULL && strstr(fault, c->fault) != NULL, "%s: %s", c->target,
                  fault != NULL ? fault : "no fault");
}

struct path_case {
    char target[40], path[40];
};

ParameterizedTestParameters(target, paths)
{
    static struct path_case cases[] = {
        { "/a/b", "/a/b" },
        { "http://host/a", "/a" },
        { "HTTP://host:80/a/b", "/a/b" },
        { "https://host/", "/" },
        { "http://host", "/" },
        { "http:/host/a", "http:/host/a" },
        { "ftp://host/a", "ftp://host/a" },
        { "/http://host/a", "/http://host/a" },
        { "*", "*" },
        { "host:443", "host:443" },
        { "", "" },
    };
    return cr_make_param_array(struct path_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct path_case *c, target, paths)
{
    cr_expect_str_eq(target_path(c->target), c->path);
}
