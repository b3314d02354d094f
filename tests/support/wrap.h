/* wrap.h - the names that the linker's --wrap uses: for a test's replacement of a function, and for
 * the original. */
#ifndef SUPPORT_WRAP_H
#define SUPPORT_WRAP_H

#define WRAP(function) __typeof__(function) __wrap_##function
#define REAL(function) __typeof__(function) __real_##function

#endif
