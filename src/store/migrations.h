/* migrations.h - the SQL files of migrations/, which cmake/embed_sql.cmake compiles in. */
#ifndef STORE_MIGRATIONS_H
#define STORE_MIGRATIONS_H

struct migration {
    int version; /* the migration's place in the array, from 1 */
    const char *name;
    const char *sql; /* statements, each with a NUL at its end; the last statement is empty */
};

extern const struct migration migrations[];
extern const unsigned migrations_count;

#endif
