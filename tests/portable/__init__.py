"""The SQL of ordersd: every statement that it sends, and whether it means the same on Citus."""
