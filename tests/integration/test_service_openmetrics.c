/* /metrics as OpenMetrics 1.0.0, read by the rules of that text: families, their types, the names
 * that their samples may have, and the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service_rig.h"

#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"

enum { NAME_SIZE = 128, FAMILIES_MAX = 200 };

struct family {
    char name[NAME_SIZE], type[16];
    int samples;
};

struct reading {
    struct family families[FAMILIES_MAX];
    int n;
};

/* "# TYPE a counter" follows "# HELP a ..." and begins a family that was not there before. */
static void read_type(struct reading *reading, const char *line, const char *line_before)
{
    struct family *family = &reading->families[reading->n];
    char help[NAME_SIZE + 16];
    cr_assert_lt(reading->n, FAMILIES_MAX);
    cr_assert_eq(sscanf(line, "# TYPE %127s %15s", family->name, family->type), 2, "%s", line);
    (void)snprintf(help, sizeof help, "# HELP %s ", family->name);
    cr_expect_eq(strncmp(line_before, help, strlen(help)), 0, "%s before %s", line_before, line);
    for (int i = 0; i < reading->n; i++)
        cr_expect_str_neq(family->name, reading->families[i].name, "twice");
    family->samples = 0;
    reading->n++;
}

static bool may_follow(const char *type, const char *suffix)
{
    if (strcmp(type, "counter") == 0)
        return strcmp(suffix, "_total") == 0;
    if (strcmp(type, "histogram") == 0)
        return strcmp(suffix, "_bucket") == 0 || strcmp(suffix, "_sum") == 0 ||
               strcmp(suffix, "_count") == 0;
    return strcmp(type, "gauge") == 0 && suffix[0] == '\0';
}

/* A sample belongs to the family above it; its value is a number and the line's end. */
static void read_sample(struct reading *reading, const char *line)
{
    cr_assert_gt(reading->n, 0, "%s", line);
    struct family *family = &reading->families[reading->n - 1];
    char name[NAME_SIZE] = "", *end;
    size_t len = strcspn(line, "{ "), family_len = strlen(family->name);
    (void)snprintf(name, sizeof name, "%.*s", (int)len, line);
    cr_expect_eq(strncmp(name, family->name, family_len), 0, "%s in %s", line, family->name);
    cr_expect(may_follow(family->type, name + family_len), "%s in the %s %s", name, family->type,
              family->name);
    const char *value = strrchr(line, ' ');
    (void)strtod(value + 1, &end);
    cr_expect(end > value + 1 && *end == '\0', "%s", line);
    const char *le = strstr(line, "le=\"");
    if (le != NULL)
        cr_expect(strchr("+", le[4]) != NULL || memchr(le, '.', strcspn(le + 4, "\"") + 4) != NULL,
                  "%s: a bound is a float", line);
    family->samples++;
}

static struct answer scrape_as(struct rig *rig, const char *accept)
{
    return rig_ask(rig, "GET", "/metrics", LIST(accept), NULL);
}

Test(openmetrics, keeps_to_its_rules, .timeout = TEST_S)
{
    static struct reading reading;
    struct rig rig = rig_open(NULL);
    char *order = order_body("1", "EURUSD");
    struct answer made = rig_post(&rig, order);
    EXPECT_STATUS(made, 201);
    answer_fini(&made);
    struct answer scrape = scrape_as(&rig, "Accept: application/openmetrics-text;version=1.0.0");
    EXPECT_STATUS(scrape, 200);
    cr_expect(answer_header_is(&scrape, "Content-Type", OPENMETRICS));
    size_t len = scrape.reply.body_len;
    cr_expect_str_eq(scrape.reply.body + len - 7, "\n# EOF\n");
    scrape.reply.body[len - 6] = '\0';
    char *rest = scrape.reply.body;
    for (const char *line, *before = ""; (line = strsep(&rest, "\n")) != NULL; before = line) {
        cr_expect(line[0] != '\0' || rest == NULL, "an empty line");
        if (strncmp(line, "# TYPE ", 7) == 0)
            read_type(&reading, line, before);
        else if (line[0] != '#' && line[0] != '\0')
            read_sample(&reading, line);
    }
    cr_expect_gt(reading.n, 40);
    for (int i = 0; i < reading.n; i++)
        cr_expect_gt(reading.families[i].samples, 0, "%s", reading.families[i].name);
    answer_fini(&scrape);
    free(order);
    rig_close(&rig);
}

Test(openmetrics, only_where_it_is_preferred, .timeout = TEST_S)
{
    /* clang-format off */
    static const struct {
        const char *accept, *type;
    } cases[] = {
        { "Accept: application/openmetrics-text", OPENMETRICS },
        { "Accept: application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPENMETRICS },
        { "Accept: application/openmetrics-text;version=0.0.1", PROMETHEUS },
        { "Accept: */*", PROMETHEUS },
        { "Accept: text/plain", PROMETHEUS },
        { "Accept: text/html", PROMETHEUS },
        { "Accept: not a list of types", PROMETHEUS },
    };
    /* clang-format on */
    struct rig rig = rig_open(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer scrape = scrape_as(&rig, cases[i].accept);
        EXPECT_STATUS(scrape, 200);
        cr_expect(answer_header_is(&scrape, "Content-Type", cases[i].type), "%s", cases[i].accept);
        bool ended = strstr(scrape.reply.body, "\n# EOF\n") != NULL;
        cr_expect_eq(ended, strcmp(cases[i].type, OPENMETRICS) == 0, "%s", cases[i].accept);
        answer_fini(&scrape);
    }
    rig_close(&rig);
}
