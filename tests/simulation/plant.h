/* plant.h - mistakes that the pool could have, planted on purpose: whether the rules find them says
 * more about the rules than a run that finds nothing. */
#ifndef SIMULATION_PLANT_H
#define SIMULATION_PLANT_H

enum plant {
    PLANT_NONE,
    PLANT_LATE_WAITER,  /* a waiter whose time is over stays in the queue */
    PLANT_DEAF_OFFER,   /* what comes back is idle, though somebody waits */
    PLANT_LOST_WAKE,    /* the connector is not woken, once in a hundred times */
    PLANT_NO_PAUSE,     /* a failed dial is tried again at once */
    PLANT_EARLY_REUSE,  /* a statement is over, so its connection is used, though a cancel is under
                           way */
    PLANT_DEAF_HANG_UP, /* the hang-up of an idle connection is not watched for */
    PLANT_GO_BACK,      /* a primary that was replaced is as good as any */
    PLANT_STAY,         /* another database is taken for the one that there was */
    PLANT_OLD_CONTROL,  /* the control connection lives for ever */
    PLANT_KEEP_LOOKUPS, /* a dial that is over does not give its lookup back */
};

/* From now on, in this process. */
void plant(enum plant what);

#endif
