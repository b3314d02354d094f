/* attr.h - names for the compiler attributes that our prototypes and locks use.
 *
 * The thread-safety attributes have an effect only under clang (preset `tsa`); gcc ignores them.
 * GUARDED_VAR does not name the lock that guards a member, because clang before 19 rejects, in C, a
 * `guarded_by` that names another member of the struct. Functions name the lock, in
 * REQUIRES(lock). */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#if defined(__clang__)
#define TSA(x) __attribute__((x))
#else
#define TSA(x)
#endif

#define CAPABILITY(name) TSA(capability(name))
#define GUARDED_VAR TSA(guarded_var)
#define REQUIRES(lock) TSA(requires_capability(lock))
#define EXCLUDES(lock) TSA(locks_excluded(lock))
#define ACQUIRES(lock) TSA(acquire_capability(lock))
#define RELEASES(lock) TSA(release_capability(lock))
#define NO_TSA TSA(no_thread_safety_analysis)

#endif
