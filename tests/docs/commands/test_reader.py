"""README.md from its beginning: scripts/run itself, the orders that the reader posts, keys, TLS; and the answers that it shows."""
import re
import unittest

from chaos import wait
from commands.checkout import Checkout
from commands.documents import Command, every
from commands.rules import of_session
from commands.shell import Shown

WITH_KEY = " -H 'Authorization: Bearer KEY'"


class Reader(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.checkout = Checkout()
        self.folder = self.checkout.folder
        self.shown = Shown()
        self.addAsyncCleanup(self.checkout.stop)

    async def start(self, text: str) -> None:
        words = await self.checkout.start(text)
        self.check_hints(words, "AUTH=keys" in text)
        if "https://" not in words:  # where it needs a certificate for /metrics
            self.assertIn('"route":"/metrics"', words, "how scripts/run learns that ordersd is ready")
            self.assertNotIn("/health/ready", words, "the page shows a 503 of it as an error")

    def check_hints(self, words: str, keys: bool) -> None:
        """What scripts/run itself proposes is what README.md has, with a key if that is needed, or the like with TLS."""
        proposed = re.findall(r"^  (curl .*)", words, re.MULTILINE)
        self.assertEqual([WITH_KEY in line for line in proposed], [keys] * 3)
        posts = {self.checkout.here(command.text) for command in every() if command.page == "README.md" and command.text.startswith("curl -i")}
        if "https://" not in words:
            self.assertTrue({line.replace(WITH_KEY, "") for line in proposed if " -i " in line} <= posts, proposed)

    async def do(self, command: Command) -> None:
        if "scripts/run" in command.text:
            await self.start(command.text)
            return
        got = await self.checkout.shell.must(self.checkout.here(command.text))
        if command.output:
            self.assertIsNone(self.shown.fault(command.output, got))

    async def test_readme(self) -> None:
        commands = of_session("reader", every())
        self.assertGreater(sum(bool(command.output) for command in commands), 4)
        blocks, others = [command for command in commands if command.kind == "block"], [command for command in commands if command.kind != "block"]
        for command in blocks[:1] + others + blocks[1:]:
            (self.folder / "docker").mkdir(exist_ok=True)
            try:
                await self.do(command)
            except (AssertionError, wait.TooLate) as fault:
                self.fail(f"{command.place}: {fault}")
        self.assertEqual(self.checkout.starts, 3)
        self.assertEqual((self.folder / "var/alice.key").stat().st_mode & 0o777, 0o600)
        self.assertGreater((self.folder / "docker/secrets/postgres_password").stat().st_size, 40)
        self.assertEqual(list(self.folder.glob("*.key")), [], "keys are under var/, which git ignores")
        print(f"{len(commands)} commands of README.md do what it says")


if __name__ == "__main__":
    unittest.main()
