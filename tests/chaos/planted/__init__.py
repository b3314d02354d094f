"""Planted bugs: ordersd with one mistake each, made by the linker. A run has to find every one of them, by the rule of
the audit that is about such a mistake, with a seed that is fixed."""
