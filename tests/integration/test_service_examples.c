/* The examples of api/examples/, which the contract shows: each file is replayed against a service
 * of its own, and every answer must be the one that it shows.
 *
 * What the service makes anew each time (ids, times) stands in a file as it once was. Where it
 * first comes up in an answer the one of today is noted for it, and stands in for it from then on:
 * in paths, headers and bodies. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "service_rig.h"
#include "support/mhd.h"

enum { TEXT_MAX = 1 << 20, MADE_MAX = 32, HEADERS_MAX = 16 };

/* What is new in each run: the value of the file, and that of today. */
struct made {
    struct {
        char then[64], now[64];
    } all[MADE_MAX];
    size_t n;
};

static const char *text_of(json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* ---- values that are new ---- */

static bool is_made_anew(const char *member)
{
    static const char *const members[] = { "order_id", "received_at" };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (strcmp(member, members[i]) == 0)
            return true;
    return false;
}

static const char *now_of(const struct made *made, const char *then)
{
    for (size_t i = 0; i < made->n; i++)
        if (strcmp(made->all[i].then, then) == 0)
            return made->all[i].now;
    return NULL;
}

static void note(struct made *made, json_t *then, json_t *now)
{
    const char *old = json_string_value(then), *new = json_string_value(now);
    if (old == NULL || new == NULL || now_of(made, old) != NULL)
        return;
    cr_assert(made->n < MADE_MAX);
    snprintf(made->all[made->n].then, sizeof made->all[0].then, "%s", old);
    snprintf(made->all[made->n++].now, sizeof made->all[0].now, "%s", new);
}

static void note_all(struct made *made, json_t *then, json_t *now)
{
    const char *name;
    json_t *value;
    size_t i;
    if (json_is_array(then))
        json_array_foreach(then, i, value) note_all(made, value, json_array_get(now, i));
    json_object_foreach(then, name, value)
    {
        if (is_made_anew(name))
            note(made, value, json_object_get(now, name));
        else
            note_all(made, value, json_object_get(now, name));
    }
}

/* The text with today's values in it; caller frees. */
static char *brought_up(const struct made *made, const char *text)
{
    char *copy = support_text("%s", text);
    for (size_t i = 0; i < made->n; i++) {
        char *found = strstr(copy, made->all[i].then);
        if (found == NULL)
            continue;
        char *longer = support_text("%.*s%s%s", (int)(found - copy), copy, made->all[i].now,
                                    found + strlen(made->all[i].then));
        free(copy);
        copy = longer;
        i--; /* it may be there again */
    }
    return copy;
}

/* ---- asking ---- */

static void pad(struct buf *text, json_t *request, const char *member, char with)
{
    json_int_t n = json_integer_value(json_object_get(request, member));
    for (json_int_t i = 0; i < n; i++)
        buf_add_char(text, with);
}

static char *taken(struct buf *text)
{
    size_t len;
    buf_add(text, "", 1);
    return buf_steal(text, &len);
}

/* NULL: the request has none. `pad`: so many blanks behind it. */
static char *body_of(json_t *request)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    json_t *body = json_object_get(request, "body");
    char *json = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    const char *given = json != NULL ? json : text_of(request, "text");
    if (given == NULL)
        return NULL;
    buf_add_str(&text, given);
    pad(&text, request, "pad", ' ');
    free(json);
    return taken(&text);
}

/* `pad_path`: so many x behind it, in a query. */
static char *url_of(struct rig *rig, json_t *request, const struct made *made)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    char *path = brought_up(made, text_of(request, "path"));
    buf_printf(&text, "http://127.0.0.1:%d%s", daemon_port(rig->daemon), path);
    if (json_object_get(request, "pad_path") != NULL)
        buf_add_char(&text, '?');
    pad(&text, request, "pad_path", 'x');
    free(path);
    return taken(&text);
}

/* Owned strings, ends with NULL. `pad_headers`: so many x behind each. */
static void headers_of(json_t *request, char *headers[HEADERS_MAX])
{
    const char *name;
    json_t *value;
    size_t n = 0;
    json_object_foreach(json_object_get(request, "headers"), name, value)
    {
        struct buf text = BUF_INIT(TEXT_MAX);
        cr_assert(n + 1 < HEADERS_MAX);
        buf_printf(&text, "%s:", name); /* and nothing else takes the header away */
        if (json_string_length(value) > 0)
            buf_printf(&text, " %s", json_string_value(value));
        pad(&text, request, "pad_headers", 'x');
        headers[n++] = taken(&text);
    }
    headers[n] = NULL;
}

static struct answer ask(struct rig *rig, json_t *request, const struct made *made)
{
    struct answer answer = { .status = 0 };
    char *headers[HEADERS_MAX], *body = body_of(request), *url = url_of(rig, request, made);
    headers_of(request, headers);
    (void)http_do(rig->http, text_of(request, "method"), url, (const char *const *)headers, body,
                  &answer.reply);
    answer_read(&answer);
    for (size_t i = 0; headers[i] != NULL; i++)
        free(headers[i]);
    free(url);
    free(body);
    return answer;
}

/* ---- comparing ---- */

static void expect_headers(const struct answer *answer, json_t *response, const struct made *made,
                           const char *title)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(response, "headers"), name, value)
    {
        char *want = brought_up(made, json_string_value(value));
        cr_expect(answer_header_is(answer, name, want), "%s: not '%s: %s' in:\n%s", title, name,
                  want, answer->reply.headers);
        free(want);
    }
}

static void expect_body(const struct answer *answer, json_t *response, const struct made *made,
                        const char *title)
{
    json_t *body = json_object_get(response, "body");
    if (body == NULL)
        return;
    char *then = json_dumps(body, JSON_COMPACT), *want = brought_up(made, then);
    json_t *expected = json_loads(want, 0, NULL);
    cr_expect(json_equal(expected, answer->json), "%s:\n%s\nis not\n%s", title, answer->reply.body,
              want);
    json_decref(expected);
    free(want);
    free(then);
}

/* libmicrohttpd may have refused what cannot be read, with a body of its own: support/mhd.h. */
static bool is_refused_by_mhd(const struct answer *answer, json_t *response)
{
    const char *code = text_of(json_object_get(response, "body"), "code");
    return code != NULL && strcmp(code, "malformed_request") == 0 &&
           mhd_answered(answer->reply.headers) && answer_header_is(answer, "Connection", "close");
}

static void replay(struct rig *rig, json_t *exchange, struct made *made)
{
    json_t *response = json_object_get(exchange, "response");
    const char *title = text_of(exchange, "title");
    struct answer answer = ask(rig, json_object_get(exchange, "request"), made);
    cr_expect_eq(answer.status, json_integer_value(json_object_get(response, "status")),
                 "%s: %d: %s%s", title, answer.status, answer.reply.body, answer.reply.error);
    note_all(made, json_object_get(response, "body"), answer.json);
    if (!is_refused_by_mhd(&answer, response)) {
        expect_headers(&answer, response, made, title);
        expect_body(&answer, response, made, title);
    }
    answer_fini(&answer);
}

/* ---- files ---- */

/* Writes the lines of `keys` to a new file, whose path becomes part of `setting`. */
static void write_keys(json_t *keys, char *setting, size_t size)
{
    char path[] = "/tmp/ordersd-examples-XXXXXX";
    json_t *line;
    size_t i;
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    json_array_foreach(keys, i, line) cr_assert_gt(dprintf(fd, "%s\n", json_string_value(line)), 1);
    close(fd);
    (void)snprintf(setting, size, "API_KEYS_FILE=%s", path);
}

/* Opens a service with the `settings` and the `keys` of the file. It has read the keys when it is
 * ready. */
static struct rig open_rig(json_t *file)
{
    const char *settings[HEADERS_MAX] = { NULL };
    char keys_file[64] = "";
    json_t *keys = json_object_get(file, "keys"), *item;
    size_t i, n = 0;
    json_array_foreach(json_object_get(file, "settings"), i, item)
    {
        cr_assert(n + 3 < HEADERS_MAX);
        settings[n++] = json_string_value(item);
    }
    if (keys != NULL) {
        write_keys(keys, keys_file, sizeof keys_file);
        settings[n++] = "AUTH=keys";
        settings[n++] = keys_file;
    }
    struct rig rig = rig_open(settings);
    if (keys != NULL)
        (void)unlink(strchr(keys_file, '=') + 1);
    return rig;
}

static void replay_file(const char *path)
{
    struct made made = { .n = 0 };
    json_t *file = json_load_file(path, 0, NULL), *item;
    size_t i;
    cr_assert_not_null(file, "%s is no JSON", path);
    struct rig rig = open_rig(file);
    cr_expect_gt(json_array_size(json_object_get(file, "exchanges")), 0, "%s", path);
    json_array_foreach(json_object_get(file, "exchanges"), i, item) replay(&rig, item, &made);
    rig_close(&rig);
    json_decref(file);
}

Test(examples, are_answered_as_they_show, .timeout = TEST_S)
{
    static const char folder[] = SOURCE_DIR "/api/examples";
    DIR *dir = opendir(folder);
    size_t n = 0;
    cr_assert_not_null(dir, "%s", folder);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".json") != 0)
            continue;
        char *path = support_text("%s/%s", folder, entry->d_name);
        replay_file(path);
        free(path);
        n++;
    }
    closedir(dir);
    cr_expect_gt(n, 0, "%s", folder);
}
