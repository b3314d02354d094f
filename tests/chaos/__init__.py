"""Runs ordersd with PostgreSQL, a standby and clients, injects faults, and compares every answer with the table."""
