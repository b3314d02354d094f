/* Which traceparent is one. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "http/message/trace.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define ZEROS_16 "0000000000000000"
#define PARENT "00f067aa0ba902b7"

struct trace_case {
    char text[80];
    bool good;
};

ParameterizedTestParameters(trace, forms)
{
    /* clang-format off */
    static struct trace_case cases[] = {
        { "00-" ID "-" PARENT "-01",        true },
        { "00-" ID "-" PARENT "-00",        true },
        { "00-" ID "-" PARENT "-ff",        true },
        { "01-" ID "-" PARENT "-01",        true },
        { "cc-" ID "-" PARENT "-01-what",   true },
        { "fe-" ID "-" PARENT "-01-",       true },
        { "",                               false },
        { "00",                             false },
        { "00-",                            false },
        { "00-" ID,                         false },
        { "00-" ID "-",                     false },
        { "00-" ID "-" PARENT,              false },
        { "00-" ID "-" PARENT "-",          false },
        { "00-" ID "-" PARENT "-1",         false },
        { "00-" ID "-" PARENT "-012",       false },
        { "00-" ID "-" PARENT "-01-more",   false },
        { "00-" ID "-" PARENT "-01 ",       false },
        { "cc-" ID "-" PARENT "-01.what",   false },
        { "ff-" ID "-" PARENT "-01",        false },
        { "0-" ID "-" PARENT "-01",         false },
        { "000-" ID "-" PARENT "-01",       false },
        { "0A-" ID "-" PARENT "-01",        false },
        { "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false },
        { "00-" ID "-00F067AA0BA902B7-01",  false },
        { "00-" ID "-" PARENT "-0G",        false },
        { "00-" ID "-" PARENT "-0F",        false },
        { "00-" ID "0-" PARENT "-01",       false },
        { "00-" ZEROS_16 ZEROS_16 "-" PARENT "-01", false },
        { "00-" ID "-" ZEROS_16 "-01",      false },
        { "00_" ID "_" PARENT "_01",        false },
        { " 00-" ID "-" PARENT "-01",       false },
    };
    /* clang-format on */
    return cr_make_param_array(struct trace_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct trace_case *c, trace, forms)
{
    char id[TRACE_ID_SIZE] = "as it was";
    cr_expect_eq(trace_read(c->text, id), c->good, "\"%s\"", c->text);
    cr_expect_str_eq(id, c->good ? ID : "as it was");
}
