/* sim_fiber.h - a stack of its own to run on, and the switch to another; AddressSanitizer is told,
 * so that it knows which stack it is looking at. */
#ifndef SIMULATION_SIM_FIBER_H
#define SIMULATION_SIM_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

struct fiber {
    ucontext_t context;
    void *stack; /* owned; NULL: the thread's own */
    size_t size;
    const void *bottom; /* of the stack, as the sanitizer wants it */
    void *fake_stack;   /* the sanitizer's, while another fiber runs */
};

/* body must not return: at its end it switches away for good. */
void fiber_init(struct fiber *fiber, size_t stack_size, void (*body)(void));
void fiber_fini(struct fiber *fiber);

/* for_good: `from` is not gone back to. */
void fiber_switch(struct fiber *from, struct fiber *to, bool for_good);

#endif
