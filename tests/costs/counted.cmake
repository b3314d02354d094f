# counted.cmake - given to any checkout's project() as CMAKE_PROJECT_ordersd_INCLUDE by tests/costs/costs: makes ordersd a
# program whose orders can be counted, and adds one that uses the pool alone. The checkout itself knows nothing of it.
set(costs ${CMAKE_CURRENT_LIST_DIR})

function(add_counted_programs)
  set(steady LINKER:--wrap=clock_gettime,--wrap=epoll_wait)
  target_sources(ordersd PRIVATE ${costs}/locks.c ${costs}/../../load/no_store.c ${costs}/scripted_store.c ${costs}/steady.c)
  target_link_options(ordersd PRIVATE ${steady}
    LINKER:--wrap=pthread_mutex_lock,--wrap=pthread_mutex_unlock,--wrap=pthread_cond_signal
    LINKER:--wrap=sigtimedwait,--wrap=store_as_order_store,--wrap=store_check_schema)
  add_executable(pool_cycle ${costs}/pool_cycle.c ${costs}/steady.c)
  target_link_libraries(pool_cycle PRIVATE pqpool base)
  target_link_options(pool_cycle PRIVATE ${steady})
  set_target_properties(pool_cycle PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

cmake_language(DEFER CALL add_counted_programs)
