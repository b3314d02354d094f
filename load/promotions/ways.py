"""The ways in which a primary is lost, and in which ordersd finds the next one."""
from dataclasses import dataclass

LOSSES = {
    "killed": "SIGKILL to the server and all its processes, then the standby is promoted",
    "hung": "SIGSTOP to the server and all its processes, then the standby is promoted; the old primary goes on 2 s after "
            "the first 201, for 2 s, and is ended then",
    "demoted": "shut down in order, then the standby is promoted; the old primary comes back at once, as the standby of the new one",
}
STANDBYS = {"synchronous": "commits wait for the standby", "asynchronous": "commits do not wait"}
NAMES = {
    "hosts": "both servers are named in DATABASE_URL",
    "name": "DATABASE_URL has one name, which leads to the new primary as soon as that is promoted",
}


@dataclass(frozen=True)
class Way:
    loss: str
    standby: str
    names: str

    def __str__(self) -> str:
        return f"{self.loss}, {self.standby} standby, {'two hosts' if self.names == 'hosts' else 'a name that moves'}"


# The name makes no difference to what is lost, so it is measured with a synchronous standby only.
WAYS = tuple([Way(loss, standby, "hosts") for standby in STANDBYS for loss in LOSSES]
             + [Way(loss, "synchronous", "name") for loss in LOSSES])
