/* metric_doc.c - see metric_doc.h. Parses the text of /metrics; each metric family becomes one row
 * of the table in docs/METRICS.md. Our label values have neither quotes nor backslashes, so nothing
 * is unescaped. */
#include "observability/metric_doc.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "http/http.h"
#include "observability/metrics.h"

enum { TEXT_MAX = 512 * 1024, LABELS_MAX = 4, VALUES_MAX = 64 };

struct slice { /* a part of the text, borrowed */
    const char *at;
    size_t len;
};

struct label {
    struct slice name, values[VALUES_MAX];
    size_t n_values;
};

struct family {
    struct slice name, type, help;
    struct label labels[LABELS_MAX];
    size_t n_labels;
};

static bool slice_is(struct slice slice, const char *text)
{
    return strlen(text) == slice.len && memcmp(slice.at, text, slice.len) == 0;
}

static bool same(struct slice a, struct slice b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

static struct label *label_of(struct family *family, struct slice name)
{
    for (size_t i = 0; i < family->n_labels; i++)
        if (same(family->labels[i].name, name))
            return &family->labels[i];
    CHECK(family->n_labels < LABELS_MAX);
    struct label *label = &family->labels[family->n_labels++];
    *label = (struct label){ .name = name };
    return label;
}

static void add_value(struct label *label, struct slice value)
{
    for (size_t i = 0; i < label->n_values; i++)
        if (same(label->values[i], value))
            return;
    CHECK(label->n_values < VALUES_MAX);
    label->values[label->n_values++] = value;
}

/* Reads labels such as `a="x",b="y"} 0`; `at` is after the opening brace. `le` is left out, because
 * it belongs to the format of histograms and is not our label. */
static void read_labels(struct family *family, const char *at)
{
    while (*at != '}') {
        at += *at == ',';
        struct slice name = { at, strcspn(at, "=") };
        const char *text = at + name.len + 2;
        struct slice value = { text, strcspn(text, "\"") };
        at = text + value.len + 1;
        if (!slice_is(name, "le"))
            add_value(label_of(family, name), value);
    }
}

/* ---- one row ---- */

/* Returns what the manual says of the label with this name in place of a list of its values.
 * Returns NULL if the manual lists them. */
static const char *values_in_words(struct slice label)
{
    if (slice_is(label, "version") || slice_is(label, "compiler"))
        return "the program's";
    return slice_is(label, "key") ? "the key's name" : NULL;
}

static void put_slice(struct buf *out, const char *before, struct slice slice, const char *after)
{
    buf_printf(out, "%s%.*s%s", before, (int)slice.len, slice.at, after);
}

static void put_label(struct buf *out, const struct label *label)
{
    put_slice(out, "`", label->name, "`: ");
    const char *words = values_in_words(label->name);
    buf_add_str(out, words != NULL ? words : "");
    for (size_t i = 0; i < label->n_values && words == NULL; i++) {
        buf_add_str(out, i > 0 ? ", " : "");
        put_slice(out, "", label->values[i], label->values[i].len == 0 ? "\"\"" : "");
    }
}

static void put_row(struct buf *out, const struct family *family)
{
    put_slice(out, "| `", family->name, "` | ");
    put_slice(out, "", family->type, " | ");
    for (size_t i = 0; i < family->n_labels; i++) {
        buf_add_str(out, i > 0 ? "; " : "");
        put_label(out, &family->labels[i]);
    }
    put_slice(out, family->n_labels > 0 ? " | " : "– | ", family->help, " |\n");
}

/* ---- the page ---- */

_Static_assert(HTTP_KEYS_SHOWN == 100 && HTTP_KEY_CODES == 16, "the introduction says so");

static const char intro[] =
    "# Metrics\n\n"
    "`GET /metrics` answers in Prometheus text, or in OpenMetrics where `Accept` prefers it. Every "
    "combination of the labels below\n"
    "is there from the first scrape on, at 0, so that a rate never misses a start. Only "
    "`http_server_request_duration_seconds`\n"
    "begins with what the contract names, and adds others when they first occur; its `http_route` "
    "is `\"\"` where no route matched.\n"
    "Counters and histograms start at 0 with the process. No label holds what a client has "
    "sent.\n\n"
    "The metrics of [API keys](#api-keys) are there with `AUTH=keys`, for a caller that sends a "
    "key. Their `key` is the name of the key. The first 100\n"
    "keys of the file have series of their own, and all others together `(other)`. "
    "`ordersd_key_rejections_total` begins with the codes below,\n"
    "and adds others of [PROBLEMS.md](PROBLEMS.md) when they first occur, up to 16 a key; further "
    "codes are `other`. When the file is read again, a\n"
    "key whose name stays keeps its counts, the series of a removed key end, and a new key begins "
    "at 0.\n\n"
    "A histogram `x` is `x_bucket` (with the label `le`), `x_sum` and `x_count`. The buckets of "
    "durations end at,\n"
    "in milliseconds: ";

static void put_bounds(struct buf *out)
{
    for (size_t i = 0; i < metric_latency_n_bounds; i++)
        buf_printf(out, "%s%g", i > 0 ? ", " : "",
                   (double)metric_latency_bounds_ns[i] / (double)NS_PER_MS);
    buf_add_str(out, ".\n");
}

/* Returns the heading for this family. */
static const char *section_of(struct slice name)
{
    static const struct {
        const char *prefix, *heading;
    } sections[] = {
        { "ordersd_build_info", "The program" },
        { "ordersd_ready", "The program" },
        { "ordersd_pool_", "The connection pool" },
        { "ordersd_key_", "API keys" },
        { "ordersd_", "Orders" },
        { "process_", "The process" },
    };
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        if (strncmp(name.at, sections[i].prefix, strlen(sections[i].prefix)) == 0)
            return sections[i].heading;
    return "HTTP";
}

static void put_family(struct buf *out, const struct family *family, const char **section)
{
    const char *heading = section_of(family->name);
    if (*section == NULL || strcmp(heading, *section) != 0)
        buf_printf(out, "\n## %s\n\n| metric | type | labels | what it is |\n|---|---|---|---|\n",
                   heading);
    *section = heading;
    put_row(out, family);
}

/* Splits a line "# HELP name text" or "# TYPE name type": sets *name, returns the remainder. */
static struct slice text_after_name(const char *line, size_t len, struct slice *name)
{
    const char *at = line + strlen("# HELP ");
    *name = (struct slice){ at, strcspn(at, " ") };
    const char *rest = at + name->len + 1;
    return (struct slice){ rest, len - (size_t)(rest - line) };
}

static void put_families(struct buf *out, const char *text)
{
    static struct family family; /* too large for a stack */
    const char *section = NULL;
    for (size_t len; *text != '\0'; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        const char *brace = memchr(text, '{', len);
        if (strncmp(text, "# HELP ", 7) == 0) {
            if (family.name.at != NULL)
                put_family(out, &family, &section);
            family = (struct family){ 0 };
            family.help = text_after_name(text, len, &family.name);
        } else if (strncmp(text, "# TYPE ", 7) == 0) {
            family.type = text_after_name(text, len, &family.name);
        } else if (brace != NULL) {
            read_labels(&family, brace + 1);
        }
    }
    if (family.name.at != NULL)
        put_family(out, &family, &section);
}

void metric_doc(const struct http_route *routes, size_t n_routes, struct buf *out)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    metrics_blank(routes, n_routes, &text);
    buf_add_str(out, intro);
    put_bounds(out);
    if (text.data != NULL && !text.failed)
        put_families(out, text.data);
    buf_fini(&text);
}
