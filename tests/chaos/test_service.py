"""How a process of ordersd ended: killed, asked, by a fault, or by itself. Shell scripts play ordersd."""
import asyncio
import signal
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from chaos.sandbox import free_port
from chaos.service import ASKED, KILLED, MAY_END, Service, wrong_end
from chaos.world import World

READY = "echo '{\"event\":\"schema.ready\"}'\n"
WAITS = "while :; do sleep 0.02; done\n"


class Ends(unittest.TestCase):
    def test_only_0_is_right_after_sigterm(self) -> None:
        self.assertIsNone(wrong_end(0, ASKED))
        for code in (1, -signal.SIGSEGV, -signal.SIGABRT, -signal.SIGTERM, -signal.SIGKILL):
            self.assertIn(f"ended with {code}", wrong_end(code, ASKED))

    def test_a_killed_process_may_have_been_draining(self) -> None:
        self.assertEqual([wrong_end(code, KILLED) for code in (-signal.SIGKILL, 0)], [None, None])
        self.assertIsNotNone(wrong_end(-signal.SIGABRT, KILLED))

    def test_nobody_asked(self) -> None:
        self.assertIsNotNone(wrong_end(0, None))
        self.assertIsNone(wrong_end(1, MAY_END))


class Lives(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.services: list[Service] = []

    async def asyncTearDown(self) -> None:
        for service in self.services:
            service.close()
            await service.end()

    async def service(self, script: str) -> Service:
        program = self.folder / "ordersd"
        program.write_text(f"#!/bin/sh\n{script}{READY}{WAITS}")
        program.chmod(0o755)
        service = Service(0, program, free_port(), self.folder, {})
        self.services.append(service)
        await service.start()
        for _ in range(500):
            if service._said("schema.ready"):
                break
            await asyncio.sleep(0.02)
        return service

    async def found(self, service: Service) -> list[str]:
        await asyncio.sleep(0.05)
        return service.unexpected

    async def test_a_crash_while_draining(self) -> None:
        service = await self.service("trap 'exit 3' TERM\n")
        self.assertEqual(await service.restart(), 3)
        self.assertIn("ended with 3", "".join(await self.found(service)))

    async def test_an_end_that_takes_too_long_is_exempted_by_a_stall_of_the_machine(self) -> None:
        service = await self.service("trap 'exit 1' TERM\n")
        await service.restart()
        await self.found(service)
        world = mock.Mock(replicas=[service])
        at, text = service.slow_ends[0]
        self.assertEqual(World.unexpected_ends(world), [text])
        self.assertEqual(World.unexpected_ends(world, [(at - 9, at - 4)]), [])
        self.assertEqual(World.unexpected_ends(world, [(at - 99, at - 60), (at + 1, at + 3)]), [text])

    async def test_an_orderly_end(self) -> None:
        service = await self.service("trap 'exit 0' TERM\n")
        self.assertEqual(await service.deploy(), 0)
        self.assertFalse(service.replaced_too_early)
        self.assertEqual(await self.found(service), [])

    async def test_a_deploy_that_has_to_kill(self) -> None:
        service = await self.service("trap '' TERM\n")
        self.assertEqual(await service.deploy(timeout_s=0.2), -signal.SIGKILL)
        self.assertIn("did not end within 0.2 s", "".join(await self.found(service)))

    async def test_a_kill(self) -> None:
        service = await self.service("")
        service.kill()
        await service.end()
        self.assertEqual(await self.found(service), [])

    async def test_a_fault_that_is_over_exempts_no_end(self) -> None:
        service = await self.service("trap 'exit 3' USR1\n")
        service.allow_end()
        service.forbid_end()
        service._process.signal(signal.SIGUSR1)
        await service.end()
        self.assertEqual(len(await self.found(service)), 1)

    async def test_a_fault_that_lasts_does(self) -> None:
        service = await self.service("trap 'exit 3' USR1\n")
        service.allow_end()
        service._process.signal(signal.SIGUSR1)
        await service.end()
        self.assertEqual(await self.found(service), [])


if __name__ == "__main__":
    unittest.main()
