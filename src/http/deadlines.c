/* deadlines.c - see deadlines.h. Places count from 1: the parent of place p is p / 2. */
#include "http/deadlines.h"

#include <stdlib.h>

#include "base/check.h"

enum { DEADLINES_ROOM_MIN = 64 };

static void put(struct deadlines *deadlines, size_t place, struct deadline *deadline)
{
    deadlines->heap[place - 1] = deadline;
    deadline->place = place;
}

static void move_up(struct deadlines *deadlines, struct deadline *deadline, size_t place)
{
    while (place > 1 && deadlines->heap[place / 2 - 1]->at_ns > deadline->at_ns) {
        put(deadlines, place, deadlines->heap[place / 2 - 1]);
        place /= 2;
    }
    put(deadlines, place, deadline);
}

static void move_down(struct deadlines *deadlines, struct deadline *deadline, size_t place)
{
    struct deadline **heap = deadlines->heap;
    for (;;) {
        size_t child = 2 * place;
        if (child + 1 <= deadlines->n && heap[child]->at_ns < heap[child - 1]->at_ns)
            child++;
        if (child > deadlines->n || heap[child - 1]->at_ns >= deadline->at_ns)
            break;
        put(deadlines, place, heap[child - 1]);
        place = child;
    }
    put(deadlines, place, deadline);
}

/* Where it belongs, from a place that is free for it. */
static void settle(struct deadlines *deadlines, struct deadline *deadline, size_t place)
{
    if (place > 1 && deadlines->heap[place / 2 - 1]->at_ns > deadline->at_ns)
        move_up(deadlines, deadline, place);
    else
        move_down(deadlines, deadline, place);
}

bool deadlines_reserve(struct deadlines *deadlines, size_t n)
{
    if (n <= deadlines->cap)
        return true;
    size_t cap = deadlines->cap > 0 ? deadlines->cap : DEADLINES_ROOM_MIN;
    while (cap < n)
        cap *= 2;
    struct deadline **heap = realloc(deadlines->heap, cap * sizeof(struct deadline *));
    if (heap == NULL)
        return false;
    deadlines->heap = heap;
    deadlines->cap = cap;
    return true;
}

void deadlines_fini(struct deadlines *deadlines)
{
    free(deadlines->heap);
    *deadlines = (struct deadlines){ 0 };
}

void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, int64_t at_ns)
{
    deadline->at_ns = at_ns;
    if (deadline->place == 0) {
        CHECK(deadlines->n < deadlines->cap);
        deadlines->n++;
        deadline->place = deadlines->n;
    }
    settle(deadlines, deadline, deadline->place);
}

void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline)
{
    size_t place = deadline->place;
    if (place == 0)
        return;
    struct deadline *last = deadlines->heap[deadlines->n - 1];
    deadlines->n--;
    deadline->place = 0;
    if (last != deadline)
        settle(deadlines, last, place);
}

struct deadline *deadlines_first(const struct deadlines *deadlines)
{
    return deadlines->n > 0 ? deadlines->heap[0] : NULL;
}
