/* pg_driver.c - fills struct pg_driver with the functions of libpq and lookup.h. */
#include "pqpool/pg_driver.h"

const struct pg_driver pg_driver_libpq = {
    .connect_start = PQconnectStartParams,
    .connect_poll = PQconnectPoll,
    .socket = PQsocket,
    .status = PQstatus,
    .error_message = PQerrorMessage,
    .transaction_status = PQtransactionStatus,
    .pipeline_status = PQpipelineStatus,
    .backend_pid = PQbackendPID,
    .send_query = PQsendQuery,
    .send_prepare = PQsendPrepare,
    .send_query_params = PQsendQueryParams,
    .send_query_prepared = PQsendQueryPrepared,
    .flush = PQflush,
    .consume_input = PQconsumeInput,
    .is_busy = PQisBusy,
    .get_result = PQgetResult,
    .set_error_verbosity = PQsetErrorVerbosity,
    .set_notice_receiver = PQsetNoticeReceiver,
    .set_nonblocking = PQsetnonblocking,
    .finish = PQfinish,
#ifdef LIBPQ_HAS_ASYNC_CANCEL
    .cancel_create = PQcancelCreate,
    .cancel_start = PQcancelStart,
    .cancel_poll = PQcancelPoll,
    .cancel_socket = PQcancelSocket,
    .cancel_finish = PQcancelFinish,
#endif
    .lookup_start = lookup_start,
    .lookup_fd = lookup_fd,
    .lookup_poll = lookup_poll,
    .lookup_finish = lookup_finish,
};
