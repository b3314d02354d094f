/* wrap.h - the names by which the linker's --wrap sends a call to a test's function, and finds the
 * function that the call was meant for. */
#ifndef SUPPORT_WRAP_H
#define SUPPORT_WRAP_H

#define WRAP(function) __typeof__(function) __wrap_##function
#define REAL(function) __typeof__(function) __real_##function

#endif
