/* A loop that stands still is seen to, and so is that it goes on. */
#include <criterion/criterion.h>
#include <semaphore.h>

#include "unit/http/http_fixture.h"

static sem_t reached, go_on;

static void handle_stuck(struct http_request *req, void *ctx)
{
    CHECK(sem_post(&reached) == 0);
    CHECK(sem_wait(&go_on) == 0); /* what no handler may do */
    handle_echo(req, ctx);
}

static const struct http_route stuck_routes[] = {
    { "GET", "/stuck/{part}", HTTP_NO_BODY, HTTP_ANYONE, handle_stuck, fixture_statuses, NULL },
};

Test(heartbeat, an_idle_loop_beats_and_a_stuck_one_does_not, .timeout = 60)
{
    struct answer answer;
    CHECK(sem_init(&reached, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
    struct http_server *server =
        serve_with(&(struct http_options){ SERVE_OPTIONS, .routes = stuck_routes, .n_routes = 1 });
    cr_expect(http_server_alive(server), "before the first question");
    for (int i = 0; i < 3; i++)
        cr_expect(WAIT_UNTIL(http_server_alive(server), PATIENCE_S));

    int fd = dial(server);
    cr_assert(send_get(fd, "/stuck/a"));
    CHECK(sem_wait(&reached) == 0);
    if (http_server_alive(server)) /* it had answered before, and is asked anew */
        cr_expect_not(http_server_alive(server));
    for (int i = 0; i < 3; i++)
        cr_expect_not(http_server_alive(server));
    CHECK(sem_post(&go_on) == 0);
    cr_expect(read_answer(fd, &answer));
    cr_expect(WAIT_UNTIL(http_server_alive(server), PATIENCE_S));
    close(fd);
    http_server_close(&server);
}
