"""ordersd and Prometheus as children, on ports of the kernel's choice."""
import contextlib
import http.client
import json
import os
import re
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import yaml

from manual import ROOT

SOON_S = 150


def until(what, check):
    end = time.monotonic() + SOON_S
    while not check():
        if time.monotonic() > end:
            raise SystemExit(f'{what}: not within {SOON_S} s')
        time.sleep(0.05)


class Child:
    def __init__(self, args, env, log):
        self.log = log
        with open(log, 'w') as out:
            self.process = subprocess.Popen(args, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def __enter__(self):
        try:
            self.wait_ready()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        if self.process.wait() != 0:
            raise SystemExit(f'{self.log}: ended with {self.process.returncode}\n{self.written()}')

    def written(self):
        with open(self.log) as log:
            return log.read()

    def check_alive(self):
        if self.process.poll() is not None:
            raise SystemExit(f'{self.log}: it has ended\n{self.written()}')

    def read(self, path):
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{self.port}{path}', timeout=SOON_S) as answer:
                return answer.read().decode()
        except (OSError, http.client.HTTPException):
            return None


class Ordersd(Child):
    def __init__(self, program, sockets, folder):
        super().__init__([program], {'HTTP_PORT': '0', 'LOG_FORMAT': 'json',
                                     'DATABASE_URL': f'host={sockets} user=postgres dbname=postgres'}, f'{folder}/ordersd.log')

    def wait_ready(self):
        until('ordersd listens', self.listens)
        until('ordersd is ready', lambda: self.read('/health/ready'))

    def listens(self):
        self.check_alive()
        found = re.search(r'"event":"service.listening".*"port":(\d+)', self.written())
        self.port = found and int(found[1])
        return found

    def get(self, path):
        return self.read(path) or ''

    @contextlib.contextmanager
    def load(self):
        """Orders, and lookups of them, without an end."""
        stop = threading.Event()
        client = threading.Thread(target=self.post_orders, args=[stop])
        client.start()
        try:
            yield
        finally:
            stop.set()
            client.join()

    def post_orders(self, stop):
        client, n = http.client.HTTPConnection('127.0.0.1', self.port, timeout=SOON_S), 0
        while not stop.wait(0.01):
            n += 1
            order = {'account_id': 'panels', 'client_order_id': str(n), 'symbol': 'ACME', 'side': 'buy', 'type': 'market',
                     'quantity': '1' if n % 10 else 'none'}
            client.request('POST', '/v1/orders', json.dumps(order), {'Content-Type': 'application/json'})
            client.getresponse().read()
            client.request('GET', f'/v1/orders?account_id=panels&client_order_id={n}')
            client.getresponse().read()
        client.close()


class Prometheus(Child):
    """With our configuration, but for where ordersd is and how often it is asked."""

    def __init__(self, port, folder):
        config = yaml.safe_load((ROOT / 'docker/prometheus/prometheus.yml').read_text())
        config['global'] = {'scrape_interval': '1s', 'scrape_timeout': '1s', 'evaluation_interval': '1s'}
        config['rule_files'] = [str(ROOT / 'docker/prometheus' / path) for path in config['rule_files']]
        [job] = config['scrape_configs']
        job['static_configs'] = [{'targets': [f'127.0.0.1:{port}']}]
        with open(f'{folder}/prometheus.yml', 'w') as out:
            yaml.safe_dump(config, out)
        super().__init__(['prometheus', f'--config.file={folder}/prometheus.yml', f'--storage.tsdb.path={folder}/prometheus',
                          '--web.listen-address=127.0.0.1:0'], dict(os.environ), f'{folder}/prometheus.log')

    def wait_ready(self):
        until('Prometheus is ready', self.ready)

    def ready(self):
        self.check_alive()
        found = re.search(r'msg="Listening on" address=127.0.0.1:(\d+)', self.written())
        self.port = found and int(found[1])
        return found and self.read('/-/ready')

    def get(self, what, **query):
        return json.loads(self.read(f'/api/v1/{what}?{urllib.parse.urlencode(query)}'))['data']

    def ask(self, expr):
        """The values now; they may be none."""
        answer = self.get('query', query=expr)['result']
        return [sample['value'][1] for sample in answer]

    def all_evaluated(self):
        return all(rule['health'] != 'unknown' for group in self.get('rules')['groups'] for rule in group['rules'])

    def wait_evaluated(self):
        until('the rules are evaluated', self.all_evaluated)
