/* log.h - writes one line for each event: JSON for machines, text for a terminal. Only app/,
 * handlers/ and observability/ log. The other layers return errors or call an event callback.
 *
 *     log_event(LOG_WARN, "pool.dial_failed", log_str("error", err.text), log_int("attempt", 3));
 *
 * Event names are constants of the form area.what_happened. Values are escaped. Never log a body, a
 * key or a connection string. At most 20 lines a second are written for each event name; the next
 * line of that event says how many were left out (`suppressed`). Any thread. A line is one write(2)
 * to standard error. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_AS_JSON, LOG_AS_TEXT };

struct log_field {
    const char *key;  /* NULL: the field is left out */
    const char *text; /* NULL: the value is `number` */
    int64_t number;
};

static inline struct log_field log_str(const char *key, const char *text)
{
    return (struct log_field){ .key = key, .text = text != 0 ? text : "" };
}

/* Makes a field that is left out if the text is NULL or "". */
static inline struct log_field log_known(const char *key, const char *text)
{
    bool known = text != 0 && text[0] != '\0';
    return (struct log_field){ .key = known ? key : 0, .text = known ? text : "" };
}

static inline struct log_field log_int(const char *key, int64_t number)
{
    return (struct log_field){ .key = key, .number = number };
}

/* Call log_init() before the first thread starts. The level may change at any time (SIGHUP). */
void log_init(enum log_level level, enum log_format format);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* The listener gets every warning and error, even those that the level or the rate limit keeps out
 * of the log. Set it before the first thread starts. It runs on the thread that logs, with no lock
 * held, and must not log. */
typedef void log_listener(void *ctx, enum log_level level, const char *event,
                          const struct log_field *fields, int count);
void log_listen(log_listener *listener, void *ctx);

void log_fields(enum log_level level, const char *event, const struct log_field *fields, int count);

#define log_event(level, event, ...)                                                               \
    do {                                                                                           \
        const struct log_field fields_[] = { __VA_ARGS__ };                                        \
        log_fields(level, event, fields_, (int)(sizeof fields_ / sizeof fields_[0]));              \
    } while (0)

#endif
