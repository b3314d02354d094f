"""Planted bugs: ordersd with one mistake each, made by the linker. A chaos run has to find every one of them, by the rule
of the audit that is about such a mistake, in a run with a fixed seed."""
