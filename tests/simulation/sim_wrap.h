/* sim_wrap.h - the names by which the linker's --wrap sends a call to us, and finds what it was
 * meant for. */
#ifndef SIMULATION_SIM_WRAP_H
#define SIMULATION_SIM_WRAP_H

#define WRAP(function) __typeof__(function) __wrap_##function
#define REAL(function) __typeof__(function) __real_##function

#endif
