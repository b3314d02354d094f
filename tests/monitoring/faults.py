"""What is wrong: said at once, and counted for the exit status."""

count = 0


def bad(where, why):
    global count
    count += 1
    print(f'{where}: {why}')
