/* What all replicas may open against what the database has room for. */
#include "observability/room.h"

#include <criterion/criterion.h>
#include <string.h>

#include "store/store.h"

static struct room of(struct store_connections found, uint32_t max_pool_size)
{
    struct room room;
    room_compute(&found, max_pool_size, &room);
    return room;
}

#define CONNECTIONS(...)                                                                           \
    (struct store_connections)                                                                     \
    {                                                                                              \
        .limit = STORE_NO_LIMIT, __VA_ARGS__                                                       \
    }

Test(room, is_short_by_one)
{
    struct room enough = of(CONNECTIONS(.replicas = 3, .max = 126, .reserved = 3), 40);
    struct room little = of(CONNECTIONS(.replicas = 3, .max = 125, .reserved = 3), 40);
    cr_expect_not(enough.is_short);
    cr_expect_eq(enough.wanted, 123);
    cr_expect_eq(enough.left, 123);
    cr_expect(little.is_short);
    cr_expect_str_eq(little.text, "3 replicas may open 3 x (40 + 1) = 123 connections to the "
                                  "database, which has room for 122: max_connections=125, less 3 "
                                  "reserved ones and 0 sessions of others");
}

Test(room, leaves_out_what_others_use)
{
    struct room room = of(CONNECTIONS(.replicas = 2, .max = 100, .reserved = 3, .others = 60), 20);
    cr_expect(room.is_short);
    cr_expect_eq(room.left, 37);
    cr_expect_eq(of(CONNECTIONS(.replicas = 1, .max = 10, .reserved = 3, .others = 60), 4).left, 0);
}

Test(room, is_enough_for_one_replica_with_the_defaults_of_both_programs)
{
    cr_expect_not(of(CONNECTIONS(.replicas = 1, .max = 100, .reserved = 3), 100).is_short);
    cr_expect(of(CONNECTIONS(.replicas = 1, .max = 100, .reserved = 3), 101).is_short);
    cr_expect(of(CONNECTIONS(.replicas = 2, .max = 100, .reserved = 3), 100).is_short);
}

Test(room, is_bounded_by_the_limit_of_the_role)
{
    struct room room = of((struct store_connections){ 2, 0, 500, 3, 50 }, 40);
    cr_expect(room.is_short);
    cr_expect_eq(room.left, 50);
    cr_expect_not_null(strstr(room.text, "CONNECTION LIMIT"));
    cr_expect(of((struct store_connections){ 1, 0, 500, 3, 0 }, 1).is_short, "0 is a limit");
}

Test(room, is_not_judged_if_the_replicas_are_not_known)
{
    struct room room = of(CONNECTIONS(.replicas = 0, .max = 1), 40);
    cr_expect_not(room.is_short);
    cr_expect_eq(room.replicas, 0);
    cr_expect_str_eq(room.text, "");
}

Test(room, fits_its_text_whatever_the_numbers_are)
{
    struct room room =
        of((struct store_connections){ UINT32_MAX, 0, UINT32_MAX, 0, STORE_NO_LIMIT }, UINT32_MAX);
    cr_expect(room.is_short);
    cr_expect_not_null(strstr(room.text, "sessions of others"));
}
