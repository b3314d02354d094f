/* What is served as it was compiled in: the contract, and the page for people. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "service_rig.h"

enum { FILE_MAX = 1 << 20 };

static char *read_file(const char *path)
{
    struct buf text = BUF_INIT(FILE_MAX);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file, "%s", path);
    for (int c; (c = fgetc(file)) != EOF;)
        buf_add_char(&text, (char)c);
    fclose(file);
    size_t len;
    return buf_steal(&text, &len);
}

Test(pages, the_contract_is_that_of_the_sources, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    char *contract = read_file(SOURCE_DIR "/api/openapi.yaml");
    struct answer answer = rig_get(&rig, "/openapi.yaml");
    EXPECT_STATUS(answer, 200);
    cr_expect(answer_header_is(&answer, "Content-Type", "application/yaml"));
    cr_expect(strcmp(answer.reply.body, contract) == 0, "another text than api/openapi.yaml");
    answer_fini(&answer);
    free(contract);
    rig_close(&rig);
}

static char *header_of(const struct answer *answer, const char *name)
{
    static char value[512];
    value[0] = '\0';
    cr_expect(http_reply_header(&answer->reply, name, value, sizeof value), "no %s", name);
    return value;
}

Test(pages, the_page_links_to_what_there_is, .timeout = TEST_S)
{
    static const char *const links[] = { "/health",         "/health/live", "/health/ready",
                                         "/health/startup", "/metrics",     "/status",
                                         "/openapi.yaml",   "/version" };
    struct rig rig = rig_open(NULL);
    struct answer page = rig_get(&rig, "/");
    EXPECT_STATUS(page, 200);
    cr_expect(answer_header_is(&page, "Content-Type", "text/html; charset=utf-8"));
    cr_expect(answer_header_is(&page, "Cache-Control", "no-store"));
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        char *link = support_text("href=\"%s\"", links[i]);
        cr_expect_not_null(strstr(page.reply.body, link), "no %s", link);
        struct answer there = rig_get(&rig, links[i]);
        EXPECT_STATUS(there, 200);
        answer_fini(&there);
        free(link);
    }
    answer_fini(&page);
    struct answer head = rig_ask(&rig, "HEAD", "/", NULL, NULL);
    EXPECT_STATUS(head, 200);
    answer_fini(&head);
    rig_close(&rig);
}

/* No script, style or address but its own; tests/browser sees that a browser asks nobody else. */
Test(pages, the_page_asks_nobody_else, .timeout = TEST_S)
{
    static const char *const outside[] = { "href=\"http", "src=\"http", "href=\"//", "src=\"//",
                                           "<style",      "style=",     "url(",      "onclick" };
    struct rig rig = rig_open(NULL);
    struct answer page = rig_get(&rig, "/");
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        cr_expect_null(strstr(page.reply.body, outside[i]), "%s", outside[i]);
    const char *policy = header_of(&page, "Content-Security-Policy");
    cr_expect_eq(strncmp(policy, "default-src 'none';", 19), 0, "%s", policy);
    cr_expect_null(strstr(policy, "unsafe"), "%s", policy);
    answer_fini(&page);
    rig_close(&rig);
}

static void expect_nothing(struct rig *rig, const char *path)
{
    struct answer answer = rig_get(rig, path);
    expect_problem(&answer, 404, "not_found", NULL);
    cr_expect(answer_header_is(&answer, "Cache-Control", "no-store"));
    answer_fini(&answer);
}

/* tests/browser/docs.mjs asks a build that has the rendered contract. */
Test(pages, a_build_without_the_rendered_contract_has_no_docs, .timeout = TEST_S)
{
    struct rig rig = rig_open(NULL);
    expect_nothing(&rig, "/docs");
    rig_close(&rig);
}

/* Where the page says that its assets are: "/assets/<version>/"; caller frees. */
static char *assets_of(struct rig *rig)
{
    struct answer page = rig_get(rig, "/");
    const char *begin = strstr(page.reply.body, "/assets/");
    cr_assert_not_null(begin);
    size_t len = strcspn(begin + strlen("/assets/"), "/") + strlen("/assets//");
    char *folder = support_text("%.*s", (int)len, begin);
    answer_fini(&page);
    return folder;
}

static void expect_asset(struct rig *rig, const char *folder, const char *name, const char *type)
{
    char *path = support_text("%s%s", folder, name);
    struct answer asset = rig_get(rig, path);
    EXPECT_STATUS(asset, 200);
    cr_expect(answer_header_is(&asset, "Content-Type", type), "%s", path);
    cr_expect(answer_header_is(&asset, "Cache-Control", "public, max-age=31536000, immutable"),
              "%s", path);
    cr_expect_null(strstr(asset.reply.body, "sourceMappingURL"), "%s asks for its map", path);
    answer_fini(&asset);
    free(path);
}

Test(pages, assets_are_for_ever_and_of_one_version, .timeout = TEST_S)
{
    static const char *const scripts[] = { "dygraph.js", "format.js",  "page.js",
                                           "plots.js",   "samples.js", "tiles.js" };
    struct rig rig = rig_open(NULL);
    char *folder = assets_of(&rig);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        expect_asset(&rig, folder, scripts[i], "text/javascript; charset=utf-8");
    expect_asset(&rig, folder, "page.css", "text/css; charset=utf-8");
    expect_asset(&rig, folder, "icon.svg", "image/svg+xml");
    expect_asset(&rig, folder, "icon-out.svg", "image/svg+xml");

    char *unknown = support_text("%sother.js", folder);
    expect_nothing(&rig, unknown);
    expect_nothing(&rig, "/assets/0000000000000000/page.js");
    expect_nothing(&rig, "/assets/page.js");
    free(unknown);
    free(folder);
    rig_close(&rig);
}
