/* The pool in its simulation (tests/simulation): many seeds, one that nobody has seen before, and
 * mistakes that must be found.
 *
 *     SIM_SEED=7                 that seed alone, as a failure asks for it
 *     SIM_SEED=1 SIM_SEEDS=1000  so many from there on */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simulation/plant.h"
#include "simulation/pool_world.h"

enum { SEEDS = 600, SEEDS_OF_TODAY = 20, PLANT_SEEDS = 100, OUTPUT_SIZE = 16384 };

static uint64_t number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void run_seeds(uint64_t first, uint64_t n)
{
    uint64_t steps = 0;
    int64_t took_ns = 0;
    for (uint64_t seed = first; seed < first + n; seed++) {
        struct sim_report report;
        pool_world_run(seed, &report);
        steps += report.steps;
        took_ns += report.took_ns;
    }
    (void)fprintf(stderr, "simulation: seeds %llu to %llu, %llu steps, %.0f s of the pool's time\n",
                  (unsigned long long)first, (unsigned long long)(first + n - 1),
                  (unsigned long long)steps, (double)took_ns / 1e9);
    cr_expect_gt(steps, n * 500);
}

Test(simulation, the_pool_keeps_its_rules)
{
    bool told = getenv("SIM_SEED") != NULL;
    run_seeds(number("SIM_SEED", 1), number("SIM_SEEDS", told ? 1 : SEEDS));
}

Test(simulation, the_pool_keeps_its_rules_with_a_seed_of_today)
{
    uint64_t seed = (uint64_t)time(NULL) * 1000 + (uint64_t)(getpid() % 1000);
    (void)fprintf(stderr, "simulation: seed of today %llu\n", (unsigned long long)seed);
    run_seeds(seed, SEEDS_OF_TODAY);
}

Test(simulation, the_same_seed_is_the_same_run)
{
    struct sim_report first, again, other;
    pool_world_run(4711, &first);
    pool_world_run(4712, &other);
    pool_world_run(4711, &again);
    cr_expect_eq(first.hash, again.hash);
    cr_expect_eq(first.steps, again.steps);
    cr_expect_eq(first.took_ns, again.took_ns);
    cr_expect_neq(first.hash, other.hash);
}

/* ---- planted mistakes ---- */

struct planted {
    enum plant what;
    char found[64]; /* in what the run says at its end */
};

static void run_planted(enum plant what, int out_fd)
{
    struct sim_report report;
    (void)dup2(out_fd, STDERR_FILENO);
    plant(what);
    for (uint64_t seed = 1; seed <= PLANT_SEEDS; seed++)
        pool_world_run(seed, &report);
    _exit(0);
}

/* What the child says, all of it; how it ended. */
static int run_in_child(enum plant what, char output[OUTPUT_SIZE])
{
    int fds[2], status = 0;
    size_t length = 0;
    ssize_t n;
    cr_assert_eq(pipe(fds), 0);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        run_planted(what, fds[1]);
    (void)close(fds[1]);
    while ((n = read(fds[0], output + length, OUTPUT_SIZE - 1 - length)) > 0)
        length += (size_t)n;
    (void)close(fds[0]);
    output[length] = '\0';
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

ParameterizedTestParameters(simulation, a_planted_mistake_is_found)
{
    /* clang-format off */
    static struct planted cases[] = {
        { PLANT_LATE_WAITER,  "but only" },
        { PLANT_DEAF_OFFER,   "one waits, one is idle" },
        { PLANT_LOST_WAKE,    "all is quiet, and" },
        { PLANT_NO_PAUSE,     "a dial before its pause is over" },
        { PLANT_EARLY_REUSE,  "a cancel is to strike a later statement" },
        { PLANT_DEAF_HANG_UP, "watched for more or less than a hang-up" },
        { PLANT_GO_BACK,      ", after one on" },
        { PLANT_STAY,         "at database" },
        { PLANT_OLD_CONTROL,  "the control connection is" },
        { PLANT_KEEP_LOOKUPS, " lookups" },
    };
    /* clang-format on */
    return cr_make_param_array(struct planted, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct planted *p, simulation, a_planted_mistake_is_found)
{
    char output[OUTPUT_SIZE];
    int status = run_in_child(p->what, output);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %d", status);
    const char *said = strstr(output, "simulation: ");
    cr_assert_not_null(said, "it says: %s", output);
    (void)fprintf(stderr, "planted: %.*s\n", (int)strcspn(said, "\n"), said);
    cr_expect_not_null(strstr(said, p->found), "it says: %.*s", (int)strcspn(said, "\n"), said);
}
