/* order_volley.c - see order_volley.h. One thread a connection: they meet at a barrier. */
#include "order_volley.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/sync.h"

struct shot {
    struct volley *volley;
    const char *body;
    struct answer answer;
    pthread_t thread;
};

struct volley {
    char *post_url, *open_url;
    pthread_barrier_t all_open;
    atomic_size_t answered;
    size_t n;
    struct shot shots[];
};

static void *shoot(void *arg)
{
    struct shot *shot = arg;
    struct volley *volley = shot->volley;
    struct http_client *http = http_client_open();
    struct http_reply opened;
    CHECK(http_get(http, volley->open_url, &opened) == 200);
    http_reply_fini(&opened);
    (void)pthread_barrier_wait(&volley->all_open);
    (void)http_post_json(http, volley->post_url, shot->body, &shot->answer.reply);
    answer_read(&shot->answer);
    atomic_fetch_add(&volley->answered, 1);
    http_client_close(&http);
    return NULL;
}

struct volley *volley_start_at(struct rig *rig, const char *path, const char *const bodies[],
                               size_t n)
{
    struct volley *volley = calloc(1, sizeof *volley + n * sizeof volley->shots[0]);
    CHECK(volley != NULL);
    volley->n = n;
    volley->post_url = support_text("%s", daemon_url(rig->daemon, path));
    volley->open_url = support_text("%s", daemon_url(rig->daemon, "/health/live"));
    CHECK(pthread_barrier_init(&volley->all_open, NULL, (unsigned)n + 1) == 0);
    for (size_t i = 0; i < n; i++) {
        struct shot *shot = &volley->shots[i];
        *shot = (struct shot){ .volley = volley, .body = bodies[i] };
        CHECK(thread_start(&shot->thread, "shot", shoot, shot) == 0);
    }
    (void)pthread_barrier_wait(&volley->all_open);
    return volley;
}

struct volley *volley_start(struct rig *rig, const char *const bodies[], size_t n)
{
    return volley_start_at(rig, "/v1/orders", bodies, n);
}

size_t volley_answered(const struct volley *volley)
{
    return atomic_load(&volley->answered);
}

void volley_join(struct volley *volley)
{
    for (size_t i = 0; i < volley->n; i++)
        thread_join(volley->shots[i].thread);
}

const struct answer *volley_answer(const struct volley *volley, size_t i)
{
    return &volley->shots[i].answer;
}

size_t volley_count(const struct volley *volley, int status)
{
    size_t count = 0;
    for (size_t i = 0; i < volley->n; i++)
        count += volley->shots[i].answer.status == status;
    return count;
}

void volley_close(struct volley **volley)
{
    struct volley *v = *volley;
    if (v == NULL)
        return;
    for (size_t i = 0; i < v->n; i++)
        answer_fini(&v->shots[i].answer);
    (void)pthread_barrier_destroy(&v->all_open);
    free(v->post_url);
    free(v->open_url);
    free(v);
    *volley = NULL;
}
