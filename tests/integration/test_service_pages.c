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

/* Nothing in it asks for anything: no script, no picture, no address but those to click. */
Test(pages, the_page_links_to_what_there_is, .timeout = TEST_S)
{
    static const char *const links[] = { "/health",         "/health/live", "/health/ready",
                                         "/health/startup", "/metrics",     "/openapi.yaml",
                                         "/version" };
    static const char *const outside[] = { "<script",     "<img", "<link",  "src=",
                                           "href=\"http", "url(", "@import" };
    struct rig rig = rig_open(NULL);
    struct answer page = rig_get(&rig, "/");
    EXPECT_STATUS(page, 200);
    cr_expect(answer_header_is(&page, "Content-Type", "text/html; charset=utf-8"));
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        char *link = support_text("href=\"%s\"", links[i]);
        cr_expect_not_null(strstr(page.reply.body, link), "no %s", link);
        struct answer there = rig_get(&rig, links[i]);
        EXPECT_STATUS(there, 200);
        answer_fini(&there);
        free(link);
    }
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        cr_expect_null(strstr(page.reply.body, outside[i]), "%s", outside[i]);
    char policy[256] = "";
    cr_expect(http_reply_header(&page.reply, "Content-Security-Policy", policy, sizeof policy));
    cr_expect_eq(strncmp(policy, "default-src 'none';", 19), 0, "%s", policy);
    answer_fini(&page);
    struct answer head = rig_ask(&rig, "HEAD", "/", NULL, NULL);
    EXPECT_STATUS(head, 200);
    answer_fini(&head);
    rig_close(&rig);
}
