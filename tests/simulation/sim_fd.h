/* sim_fd.h - the world's descriptors: sockets whose other end is a script in time, and what stands
 * behind poll(), epoll, eventfd(), fcntl(F_DUPFD_CLOEXEC), shutdown() and close().
 *
 * A socket's other end does everything at moments that are set beforehand, so it needs no actor.
 * Numbers below SIM_FD_FIRST are the real system's. */
#ifndef SIMULATION_SIM_FD_H
#define SIMULATION_SIM_FD_H

#include <stdbool.h>
#include <stdint.h>

enum { SIM_FD_FIRST = 1 << 20, SIM_FDS_MAX = 64 };

struct sim_socket {
    int64_t readable_at_ns, writable_at_ns; /* CLOCK_NEVER: not as it stands */
    int64_t hang_up_at_ns;                  /* of the other end */
    bool shut;                              /* by our own shutdown() */
    unsigned links;                         /* descriptors, and the server's own interest */
    struct sim_socket *next;
};

/* Its descriptor; *socket is freed by sim_socket_leave() and the last close(). */
int sim_socket_open(struct sim_socket **socket);
void sim_socket_leave(struct sim_socket *socket);

/* Has it ended, as a read would tell now? */
bool sim_socket_is_dead(const struct sim_socket *socket);

/* The socket behind a descriptor: the program's own duplicates too. NULL: it is none. */
const struct sim_socket *sim_socket_of(int fd);

/* The events requested for a descriptor: EPOLL*, without those always reported; 0: none. */
uint32_t sim_fd_watch(int fd);

/* From now on, descriptors and watches run out once in so many times; 0: never. */
void sim_fd_run_out(uint32_t one_in);

unsigned sim_fds_open(void);
int64_t sim_fd_next_event_ns(void); /* the next moment at which a socket changes by itself */

#endif
