/* The groups in flight, and which of them are overdue. */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "ingest/in_flight.h"

enum { PATIENCE = 10 };

Test(ingest_in_flight, none_is_never_overdue)
{
    const struct in_flight in_flight = { 0 };
    cr_expect_eq(in_flight_overdue_at_ns(&in_flight, PATIENCE), CLOCK_NEVER);
}

Test(ingest_in_flight, an_overdue_group_counts_no_more_but_is_there)
{
    struct in_flight in_flight = { 0 };
    struct in_flight_group groups[3] = {
        { .begun_at_ns = 1, .orders = 100, .suspect = true },
        { .begun_at_ns = 5, .orders = 20 },
        { .begun_at_ns = 9, .orders = 3, .suspect = true },
    };
    for (int i = 0; i < 3; i++)
        in_flight_add(&in_flight, &groups[i]);
    cr_expect_eq(in_flight_overdue_at_ns(&in_flight, PATIENCE), 11);
    in_flight_find_overdue(&in_flight, PATIENCE, 10);
    cr_expect_eq(in_flight.orders, 123);
    in_flight_find_overdue(&in_flight, PATIENCE, 15);
    cr_expect(groups[0].overdue && groups[1].overdue && !groups[2].overdue);
    cr_expect_eq(in_flight.orders, 3);
    cr_expect_eq(in_flight.suspects, 1);
    cr_expect_eq(in_flight.all, 3);
    cr_expect_eq(in_flight.all_suspects, 2);
    cr_expect_eq(in_flight_overdue_at_ns(&in_flight, PATIENCE), 19);

    for (int i = 0; i < 3; i++)
        in_flight_remove(&in_flight, &groups[i]);
    cr_expect_eq(in_flight.orders, 0);
    cr_expect_eq(in_flight.suspects, 0);
    cr_expect_eq(in_flight.all, 0);
    cr_expect_eq(in_flight.all_suspects, 0);
    cr_expect_eq(in_flight.groups.count, 0);
}

Test(ingest_in_flight, groups_leave_in_any_order)
{
    struct in_flight in_flight = { 0 };
    struct in_flight_group groups[3] = { { .orders = 1 }, { .orders = 2 }, { .orders = 4 } };
    for (int i = 0; i < 3; i++)
        in_flight_add(&in_flight, &groups[i]);
    in_flight_remove(&in_flight, &groups[1]);
    cr_expect_eq(in_flight.orders, 5);
    in_flight_remove(&in_flight, &groups[2]);
    in_flight_remove(&in_flight, &groups[0]);
    cr_expect_eq(in_flight.orders, 0);
}
