/* sim_fiber.c - see sim_fiber.h. */
#include "simulation/sim_fiber.h"

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define TELLS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TELLS_SANITIZER 1
#endif
#endif

#ifdef TELLS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

static struct fiber *arriving, *leaving; /* during a switch */
static void (*first_body)(void);

static void tell_leaving(struct fiber *from, const struct fiber *to, bool for_good)
{
#ifdef TELLS_SANITIZER
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake_stack, to->bottom, to->size);
#else
    (void)from, (void)to, (void)for_good;
#endif
}

/* The thread's own stack is known only now, to whom it was left for. */
static void tell_arrived(void)
{
#ifdef TELLS_SANITIZER
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(arriving->fake_stack, &bottom, &size);
    if (leaving->stack == NULL) {
        leaving->bottom = bottom;
        leaving->size = size;
    }
#endif
}

static void begin(void)
{
    tell_arrived();
    first_body();
    CHECK(false);
}

void fiber_init(struct fiber *fiber, size_t stack_size, void (*body)(void))
{
    *fiber = (struct fiber){ .stack = malloc(stack_size), .size = stack_size };
    CHECK(fiber->stack != NULL);
    fiber->bottom = fiber->stack;
    CHECK(getcontext(&fiber->context) == 0);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = stack_size;
    first_body = body;
    makecontext(&fiber->context, begin, 0);
}

void fiber_fini(struct fiber *fiber)
{
    free(fiber->stack);
    fiber->stack = NULL;
}

void fiber_switch(struct fiber *from, struct fiber *to, bool for_good)
{
    leaving = from;
    arriving = to;
    tell_leaving(from, to, for_good);
    CHECK(swapcontext(&from->context, &to->context) == 0);
    tell_arrived();
}
