/* The heap against a plain array. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/heap.h"

enum { MEMBERS = 200, STEPS = 20000, KEYS = 50 };

/* The member that is to come first. */
static const struct heap_node *least(const struct heap_node *nodes)
{
    const struct heap_node *found = NULL;
    for (const struct heap_node *node = nodes; node < nodes + MEMBERS; node++)
        if (node->place != 0 && (found == NULL || node->key < found->key ||
                                 (node->key == found->key && node->turn < found->turn)))
            found = node;
    return found;
}

Test(heap, first_has_the_least_key_and_came_first)
{
    static struct heap_node nodes[MEMBERS];
    struct heap heap = { 0 };
    unsigned seed = 1;
    cr_assert(heap_reserve(&heap, MEMBERS));
    for (int step = 0; step < STEPS; step++) {
        struct heap_node *node = &nodes[rand_r(&seed) % MEMBERS];
        if (rand_r(&seed) % 3 == 0)
            heap_remove(&heap, node);
        else
            heap_set(&heap, node, rand_r(&seed) % KEYS);
        cr_assert_eq(heap_first(&heap), least(nodes), "step %d", step);
    }
    heap_fini(&heap);
}

Test(heap, empties_in_order)
{
    static const int64_t given[] = { 5, 1, 4, 1, 3, 9, 2 };
    static const size_t order[] = { 1, 3, 6, 4, 2, 0, 5 }; /* of the equals, the earlier one */
    enum { N = sizeof given / sizeof given[0] };
    struct heap_node nodes[N] = { 0 };
    struct heap heap = { 0 };
    cr_assert(heap_reserve(&heap, N));
    for (size_t i = 0; i < N; i++)
        heap_set(&heap, &nodes[i], given[i]);
    for (size_t i = 0; i < N; i++) {
        struct heap_node *first = heap_first(&heap);
        cr_expect_eq((size_t)(first - nodes), order[i]);
        heap_remove(&heap, first);
        heap_remove(&heap, first); /* no-op */
    }
    cr_expect_null(heap_first(&heap));
    heap_fini(&heap);
}

Test(heap, keeps_its_nodes_when_it_grows)
{
    enum { MANY = 1000 };
    static struct heap_node nodes[MANY];
    struct heap heap = { 0 };
    for (uint32_t i = 0; i < MANY; i++) {
        cr_assert(heap_reserve(&heap, i + 1));
        heap_set(&heap, &nodes[i], (int64_t)(MANY - i));
    }
    cr_assert(heap_reserve(&heap, 1), "there is room");
    for (size_t i = MANY; i-- > 0;) {
        cr_assert_eq(heap_first(&heap), &nodes[i]);
        heap_remove(&heap, &nodes[i]);
    }
    heap_fini(&heap);
}
