/* loop.c - see loop.h. */
#include "http/loop.h"

#include <sys/random.h>
#include <unistd.h>

#include "base/check.h"

enum { ID_BYTES = (LOOP_ID_SIZE - 1) / 2 };

_Static_assert(LOOP_ENTROPY_BYTES % ID_BYTES == 0, "an id never straddles a refill");

void loop_random_id(struct http_loop *loop, char out[LOOP_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    if (loop->entropy_used == LOOP_ENTROPY_BYTES) {
        ssize_t got = getrandom(loop->entropy, LOOP_ENTROPY_BYTES, 0);
        CHECK(got == LOOP_ENTROPY_BYTES); /* no signal interrupts this thread */
        loop->entropy_used = 0;
    }
    const unsigned char *bytes = loop->entropy + loop->entropy_used;
    loop->entropy_used += ID_BYTES;
    for (size_t i = 0; i < ID_BYTES; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[LOOP_ID_SIZE - 1] = '\0';
}

void loop_wake(struct http_loop *loop)
{
    uint64_t one = 1;
    CHECK(write(loop->wake_fd, &one, sizeof one) == sizeof one);
}

void loop_ask_beat(struct http_loop *loop, uint64_t beat)
{
    atomic_store_explicit(&loop->beat_asked, beat, memory_order_relaxed);
    loop_wake(loop);
}

bool loop_has_beaten(struct http_loop *loop, uint64_t beat)
{
    return atomic_load_explicit(&loop->beat_given, memory_order_relaxed) == beat;
}

void loop_give_beat(struct http_loop *loop)
{
    uint64_t asked = atomic_load_explicit(&loop->beat_asked, memory_order_relaxed);
    atomic_store_explicit(&loop->beat_given, asked, memory_order_relaxed);
}

void http_complete(struct http_loop *loop, struct fifo *completions)
{
    if (completions->first == NULL)
        return;
    mutex_lock(&loop->mu);
    fifo_append(&loop->completions, completions);
    bool wake = loop->asleep;
    loop->asleep = false;
    mutex_unlock(&loop->mu);
    if (wake)
        loop_wake(loop);
}

void http_complete_one(struct http_loop *loop, struct http_completion *completion)
{
    struct fifo one = { NULL, NULL };
    fifo_push(&one, &completion->link);
    http_complete(loop, &one);
}

bool loop_fall_asleep(struct http_loop *loop)
{
    mutex_lock(&loop->mu);
    bool asleep = loop->completions.first == NULL;
    loop->asleep = asleep;
    mutex_unlock(&loop->mu);
    return asleep;
}

bool loop_finish_completions(struct http_loop *loop)
{
    mutex_lock(&loop->mu);
    struct fifo completions = loop->completions;
    loop->asleep = false;
    loop->completions = (struct fifo){ NULL, NULL };
    mutex_unlock(&loop->mu);
    bool any = completions.first != NULL;
    for (struct fifo_node *node; (node = fifo_pop(&completions)) != NULL;) {
        struct http_completion *completion = CONTAINER_OF(node, struct http_completion, link);
        completion->finish(completion); /* this may free the completion */
    }
    return any;
}
