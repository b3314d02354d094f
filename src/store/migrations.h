/* migrations.h - the SQL files of migrations/, compiled in by cmake/embed_sql.cmake. */
#ifndef STORE_MIGRATIONS_H
#define STORE_MIGRATIONS_H

struct migration {
    int version; /* its place in the array, from 1 */
    const char *name;
    const char *sql; /* statements, each NUL-terminated; an empty one is the end */
};

extern const struct migration migrations[];
extern const unsigned migrations_count;

#endif
