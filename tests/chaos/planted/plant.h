/* plant.h - what the planted bugs share. A planted bug is ordersd with one function replaced at
 * link time: the linker sends the calls that cross from one object file to another to
 * __wrap_<function>, and __real_<function> is the one of src/. Each line `REAL(function);` of a
 * plant's file is a seam: CMakeLists.txt reads the seams from there.
 *
 * Whether the chaos run finds the bug says more about its audit than a run that finds nothing. */
#ifndef PLANTED_PLANT_H
#define PLANTED_PLANT_H

#include "support/wrap.h"

/* Says once, on stderr, that the bug has struck: "planted: <name>". A run in which no plant has
 * said so proves nothing. Any thread. */
void plant_struck(void);

/* The same, each time, with the X-Request-Id of the request that it has struck. */
void plant_struck_request(const char *request_id);

#endif
