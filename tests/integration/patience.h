/* patience.h - how long tests wait. SOON_S: for something that takes a moment; only a broken
 * program makes a test wait this long. TEST_S: the limit of each test. It is one value for all,
 * because Criterion 2.4.1 loses the longer of two limits of tests that run at once. On a slow
 * machine some tests take twenty seconds. */
#ifndef PATIENCE_H
#define PATIENCE_H

enum { SOON_S = 60, TEST_S = 240 };

#endif
