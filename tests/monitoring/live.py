"""ordersd and Prometheus as children, on ports of the kernel's choice."""
import contextlib
import hashlib
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
# Who posts, and who scrapes. The metrics of keys are for callers with a key.
CLIENT, SCRAPER = 'client-0123456789', 'scraper-0123456789'
RATE = 'rate=1000/s'


def until(what, check):
    end = time.monotonic() + SOON_S
    while not check():
        if time.monotonic() > end:
            raise SystemExit(f'{what}: not within {SOON_S} s')
        time.sleep(0.05)


class Child:
    headers = {}  # of every request

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
            request = urllib.request.Request(f'http://127.0.0.1:{self.port}{path}', headers=self.headers)
            with urllib.request.urlopen(request, timeout=SOON_S) as answer:
                return answer.read().decode()
        except (OSError, http.client.HTTPException):
            return None


def bearer(key):
    return {'Authorization': f'Bearer {key}'}


def write_keys(path):
    with open(path, 'w') as out:
        for key, options in (CLIENT, RATE), (SCRAPER, 'accounts=none'):
            out.write(f'{key.split("-")[0]} sha256:{hashlib.sha256(key.encode()).hexdigest()} {options}\n')


class Ordersd(Child):
    def __init__(self, program, sockets, folder):
        write_keys(f'{folder}/keys')
        super().__init__([program], {'HTTP_PORT': '0', 'LOG_FORMAT': 'json', 'AUTH': 'keys', 'API_KEYS_FILE': f'{folder}/keys',
                                     'DATABASE_URL': f'host={sockets} user=postgres dbname=postgres'}, f'{folder}/ordersd.log')
        self.headers = bearer(SCRAPER)

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
            client.request('POST', '/v1/orders', json.dumps(order), {'Content-Type': 'application/json', **bearer(CLIENT)})
            client.getresponse().read()
            client.request('GET', f'/v1/orders?account_id=panels&client_order_id={n}', headers=bearer(CLIENT))
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
        job['authorization'] = {'credentials': SCRAPER}
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
