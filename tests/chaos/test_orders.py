"""Orders: what is rendered in whatever way reads as the same content, and what differs differs by value."""
import json
import random
import tempfile
import unittest
from pathlib import Path

from chaos.handmade import A, EPOCH, ID, OTHER_ID, batch, order, post, said
from chaos.history import Content, History, Sent
from chaos.orders import content_of, make_content, make_other, parse_rows, render, render_invalid


def canonical(document):
    """As ordersd keeps it: decimals without zeros at their end, what is null left out."""
    kept = {name: value for name, value in document.items() if value is not None}
    for name in ("quantity", "limit_price", "stop_price"):
        if name in kept:
            text = str(kept[name])
            kept[name] = text.rstrip("0").rstrip(".") if "." in text else text
    return content_of({"time_in_force": "day"} | kept)


class Rendering(unittest.TestCase):
    def test_every_rendering_means_the_same(self):
        rng = random.Random(1)
        for _ in range(3000):
            sent = Sent("a", "b", make_content(rng))
            self.assertEqual(content_of(json.loads(render(sent))), sent.content)
            text = render(sent, rng)
            self.assertEqual(canonical(json.loads(text, parse_float=str)), sent.content, text)

    def test_another_differs_in_one_field(self):
        rng = random.Random(2)
        for _ in range(3000):
            content = make_content(rng)
            self.assertEqual(len(content.differing(make_other(content, rng))), 1, content)

    def test_a_seed_repeats_its_orders(self):
        self.assertEqual(make_content(random.Random("7/client/1")), make_content(random.Random("7/client/1")))

    def test_invalid(self):
        for expect in ("invalid_order", "duplicate_key"):
            json.loads(render_invalid(order(expect=expect)))
        with self.assertRaises(ValueError):
            json.loads(render_invalid(order(expect="invalid_json")))


class Table(unittest.TestCase):
    line = "\t".join(("acc", "1", ID, "ACME", "buy", "limit", "10", "12.5", "", "day",
                      '{"b": "\\u00e9\\t", "a": 10}', "1790000001.5"))

    def test_rows(self):
        rows = parse_rows([self.line, ""])
        self.assertEqual(rows["acc", "1"].content, A._replace(metadata='{"a":10,"b":"é\\t"}'))
        self.assertEqual((rows["acc", "1"].received_at, rows["acc", "1"].copies), (EPOCH + 1.5, 1))

    def test_two_rows_of_one_id(self):
        self.assertEqual(parse_rows([self.line, self.line])["acc", "1"].copies, 2)


class Records(unittest.TestCase):
    def test_saved_and_loaded(self):
        refusal = said("reused", OTHER_ID, differing=("side",))
        mixed = batch("batch", 1, 3, (order("2"), refusal), (order("3"), said("unknown")))
        history = History.of([post(1, 2, "created", content=Content(*A)), mixed, post(4, None)], EPOCH)
        history.holds = [(1.0, 2.5)]
        with tempfile.TemporaryDirectory() as folder:
            history.save(Path(folder, "history.jsonl"))
            loaded = History.load(Path(folder, "history.jsonl"))
        self.assertEqual((loaded.requests, loaded.open, loaded.epoch, loaded.holds),
                         (history.requests, history.open, EPOCH, [(1.0, 2.5)]))

    def test_all_of_one_id(self):
        first, second, open_one = post(1, 2, "unknown"), post(0, 3, "unknown"), post(2, None)
        history = History.of([first, second, open_one])
        self.assertEqual([a.request for a in history.by_id("acc", "1")], [second, first, open_one])

    def test_a_record_without_its_verdicts_is_refused(self):
        broken = post(1, 2, "created")
        broken.verdicts.clear()
        with self.assertRaises(ValueError):
            History().append(broken)


if __name__ == "__main__":
    unittest.main()
