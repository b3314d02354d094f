/* Which hosts can be read, and which of them a server answers to that asks nobody for a key. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "base/err.h"
#include "http/hosts.h"
#include "http/http.h"
#include "http/message/host.h"

struct host_case {
    char text[72];
    bool good;
    char name[64];
};

ParameterizedTestParameters(hosts, grammar)
{
    /* clang-format off */
    static struct host_case cases[] = {
        { "localhost",               true,  "localhost" },
        { "localhost:8080",          true,  "localhost" },
        { "localhost:",              true,  "localhost" }, /* RFC 3986 allows an empty port */
        { "localhost:0",             true,  "localhost" },
        { "localhost:65535",         true,  "localhost" },
        { "a.b-c_d~e",               true,  "a.b-c_d~e" },
        { "example.com.",            true,  "example.com." },
        { "a!$&'()*+;=b",            true,  "a!$&'()*+;=b" },
        { "a%20b",                   true,  "a%20b" },
        { "127.0.0.1:80",            true,  "127.0.0.1" },
        { "[::1]",                   true,  "::1" },
        { "[::1]:80",                true,  "::1" },
        { "[2001:db8::ffff:1.2.3.4]", true, "2001:db8::ffff:1.2.3.4" },
        { "[v1.a:b]",                true,  "v1.a:b" },
        { "",                        true,  "" },
        { "a b",                     false, "" },
        { " a",                      false, "" },
        { "a/b",                     false, "" },
        { "localhost, localhost",    false, "" },
        { "localhost,localhost",     false, "" },
        { "user@host",               false, "" },
        { "user:pass@host",          false, "" },
        { "http://host",             false, "" },
        { "host?a",                  false, "" },
        { "host#a",                  false, "" },
        { "host\\a",                 false, "" },
        { "host\"",                  false, "" },
        { "h\xc3\xb6st",             false, "" },
        { "a%2",                     false, "" },
        { "a%zz",                    false, "" },
        { "a%",                      false, "" },
        { ":",                       false, "" },
        { ":80",                     false, "" },
        { "host:80:80",              false, "" },
        { "host:port",               false, "" },
        { "host:-1",                 false, "" },
        { "host:+1",                 false, "" },
        { "host: 80",                false, "" },
        { "host:80 ",                false, "" },
        { "host:65536",              false, "" },
        { "host:000080",             false, "" },
        { "::1",                     false, "" },
        { "[::1",                    false, "" },
        { "::1]",                    false, "" },
        { "[]",                      false, "" },
        { "[localhost]",             false, "" },
        { "[127.0.0.1]",             false, "" },
        { "[::1]80",                 false, "" },
        { "[::1]:x",                 false, "" },
        { "[::1%25eth0]",            false, "" },
        { "[[::1]]",                 false, "" },
        { "[v.a]",                   false, "" },
        { "[v1.]",                   false, "" },
    };
    /* clang-format on */
    return cr_make_param_array(struct host_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct host_case *c, hosts, grammar)
{
    struct host host;
    bool good = host_read(c->text, strlen(c->text), &host);
    cr_expect_eq(good, c->good, "%s", c->text);
    if (good && c->good)
        cr_expect(host.len == strlen(c->name) && memcmp(host.name, c->name, host.len) == 0,
                  "%.*s of %s", (int)host.len, host.name, c->text);
}

/* A host ends where its text does, whatever is behind it. */
Test(hosts, nothing_is_read_behind_the_text)
{
    struct host host;
    cr_expect(host_read("a%41", 1, &host) && host.len == 1);
    cr_expect_not(host_read("[::1]", 4, &host));
    cr_expect(host_read("h:80x", 4, &host) && host.len == 1);
}

Test(hosts, of_targets)
{
    size_t len = 0;
    const char *target = "http://host:80/path?query";
    cr_expect_eq(host_of_target(target, &len), target + 7);
    cr_expect_eq(len, 7);
    cr_expect_not_null(host_of_target("HTTPS://[::1]?a/b", &len));
    cr_expect_eq(len, 5);
    cr_expect_null(host_of_target("/path", &len));
    cr_expect_null(host_of_target("*", &len));
    cr_expect_null(host_of_target("host:80", &len));
}

struct allow_case {
    char host[64];
    bool allowed;
};

ParameterizedTestParameters(hosts, allowed)
{
    /* clang-format off */
    static struct allow_case cases[] = {
        { "localhost",              true },
        { "LocalHost:8080",         true },
        { "localhost.",             true },
        { "orders.localhost",       true },
        { "127.0.0.1",              true },
        { "127.9.9.9:1",            true },
        { "[::1]:8080",             true },
        { "[::ffff:127.0.0.1]",     true },
        { "192.0.2.1",              true }, /* its own */
        { "192.0.2.1:9",            true },
        { "Orders.Example.Com",     true }, /* listed */
        { "orders.example.com.:80", true },
        { "198.51.100.7",           true },
        { "[2001:db8::7]",          true },
        { "",                       false },
        { ".",                      false },
        { "evil.test",              false },
        { "localhost.evil.test",    false },
        { "evillocalhost",          false },
        { ".localhost",             false },
        { "127.0.0.1.evil.test",    false },
        { "127.0.0.1.",             true },
        { "127.1",                  false },
        { "2130706433",             false },
        { "0.0.0.0",                false },
        { "[::]",                   false },
        { "192.0.2.2",              false },
        { "example.com",            false },
        { "a.orders.example.com",   false },
        { "com",                    false },
    };
    /* clang-format on */
    return cr_make_param_array(struct allow_case, cases, sizeof cases / sizeof cases[0]);
}

static struct hosts hosts_of(const char *own)
{
    struct hosts hosts;
    struct sockaddr_in address = { .sin_family = AF_INET };
    cr_assert_eq(inet_pton(AF_INET, own, &address.sin_addr), 1);
    hosts_init(&hosts, true, "orders.example.com, 198.51.100.7,[2001:db8::7]",
               (const struct sockaddr *)&address);
    return hosts;
}

ParameterizedTest(struct allow_case *c, hosts, allowed)
{
    struct hosts hosts = hosts_of("192.0.2.1");
    struct host host;
    cr_assert(host_read(c->host, strlen(c->host), &host), "%s", c->host);
    cr_expect_eq(hosts_allow(&hosts, &host), c->allowed, "%s", c->host);
    hosts.checked = false;
    cr_expect(hosts_allow(&hosts, &host));
}

/* 0.0.0.0 is an address to listen on, and one that pages have used to reach loopback. */
Test(hosts, any_address_is_nobodys)
{
    struct hosts hosts = hosts_of("0.0.0.0");
    struct host host;
    cr_assert(host_read("0.0.0.0", 7, &host));
    cr_expect_not(hosts_allow(&hosts, &host));
}

Test(hosts, origins)
{
    struct hosts hosts = hosts_of("127.0.0.1");
    cr_expect(hosts_allow_origin(&hosts, "http://localhost:3000"));
    cr_expect(hosts_allow_origin(&hosts, "https://orders.example.com"));
    cr_expect(hosts_allow_origin(&hosts, "http://[::1]:3000"));
    cr_expect_not(hosts_allow_origin(&hosts, "http://evil.test"));
    cr_expect_not(hosts_allow_origin(&hosts, "http://evil.test:8080"));
    cr_expect_not(hosts_allow_origin(&hosts, "null"));
    cr_expect_not(hosts_allow_origin(&hosts, ""));
    cr_expect_not(hosts_allow_origin(&hosts, "localhost"));
    cr_expect_not(hosts_allow_origin(&hosts, "http://"));
    cr_expect_not(hosts_allow_origin(&hosts, "http://localhost http://evil.test"));
}

Test(hosts, a_list_is_checked)
{
    struct err err = { 0 };
    cr_expect(http_hosts_check("", &err));
    cr_expect(http_hosts_check("a.example, 192.0.2.1 ,[2001:db8::1],", &err));
    cr_expect_not(http_hosts_check("a.example,b.example:80", &err));
    cr_expect_not_null(strstr(err.text, "\"b.example:80\" is no host"), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "without a port"), "%s", err.text);
    cr_expect_not(http_hosts_check("https://a.example", &err));
    cr_expect_not(http_hosts_check("2001:db8::1", &err));
}
