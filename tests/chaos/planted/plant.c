/* plant.c - see plant.h. PLANT_NAME comes from CMakeLists.txt. */
#include "chaos/planted/plant.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

void plant_struck(void)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        (void)dprintf(STDERR_FILENO, "planted: %s\n", PLANT_NAME);
}

void plant_struck_request(const char *request_id)
{
    plant_struck();
    (void)dprintf(STDERR_FILENO, "planted: %s: %s\n", PLANT_NAME, request_id);
}
