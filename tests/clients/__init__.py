"""The programs of docs/clients, each against a server that plays a script and against ordersd while its database is killed."""
