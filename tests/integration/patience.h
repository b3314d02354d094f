/* patience.h - SOON_S: for what takes a moment; only a broken program makes a test wait this long.
 * TEST_S: each test's limit, one for all, since Criterion 2.4.1 loses the longer of two that run at
 * once; on a bare machine some take twenty seconds. */
#ifndef PATIENCE_H
#define PATIENCE_H

enum { SOON_S = 60, TEST_S = 240 };

#endif
