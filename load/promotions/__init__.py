"""load/failover: how long no order is stored while the primary is replaced. It uses the servers and the clients of tests/chaos."""
