/* options.c - checks the options of a pool against the bounds of options.def. */
#include "base/err.h"
#include "pqpool/pool.h"

static bool string_valid(const char *name, const char *value, struct err *err)
{
    if (value != NULL)
        return true;
    err_set(err, 0, "%s is NULL; it must be a string: begin with PQPOOL_OPTIONS_DEFAULT", name);
    return false;
}

static bool count_valid(const char *name, uint32_t value, uint32_t least, uint32_t most,
                        struct err *err)
{
    if (value >= least && value <= most)
        return true;
    err_set(err, 0, "%s is %u; it must be %u to %u", name, value, least, most);
    return false;
}

static bool span_valid(const char *name, int64_t value_ns, int64_t least_ns, struct err *err)
{
    if (value_ns >= least_ns)
        return true;
    err_set(err, 0, "%s is %lld; it must be %s", name, (long long)value_ns,
            least_ns == 0 ? "0 or more" : "more than 0");
    return false;
}

static bool factor_valid(const char *name, double value, double least, double most, struct err *err)
{
    if (value >= least && value <= most) /* false for a NaN */
        return true;
    err_set(err, 0, "%s is %g; it must be %g to %g", name, value, least, most);
    return false;
}

static bool order_valid(const char *small_name, int64_t small, const char *large_name,
                        int64_t large, struct err *err)
{
    if (small <= large)
        return true;
    err_set(err, 0, "%s is %lld; it must be at most %s, which is %lld", small_name,
            (long long)small, large_name, (long long)large);
    return false;
}

/* clang-format off */
static bool rows_valid(const struct pqpool_options *o, struct err *err)
{
    return true
#define PQPOOL_STRING(name, ...) && string_valid(#name, o->name, err)
#define PQPOOL_COUNT(name, def, least, most, ...) && count_valid(#name, o->name, least, most, err)
#define PQPOOL_SPAN(name, def, least, ...) && span_valid(#name "_ns", o->name##_ns, least, err)
#define PQPOOL_FACTOR(name, def, least, most, ...) && factor_valid(#name, o->name, least, most, err)
#define PQPOOL_COUNT_ORDER(small, large) && order_valid(#small, o->small, #large, o->large, err)
#define PQPOOL_SPAN_ORDER(small, large) \
    && order_valid(#small "_ns", o->small##_ns, #large "_ns", o->large##_ns, err)
#include "pqpool/options.def"
    ;
}
/* clang-format on */

bool options_valid(const struct pqpool_options *o, struct err *err)
{
    if (!rows_valid(o, err))
        return false;
    if (o->password[0] != '\0' && o->password_file[0] != '\0')
        err_set(err, 0, "password and password_file are both set; leave one out");
    else if ((o->health_query == NULL) != (o->health_passed == NULL))
        err_set(err, 0, "health_query and health_passed go together: give both or none");
    else
        return true;
    return false;
}
