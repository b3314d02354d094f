// manifests FOLDER OPTIONS.md: checks the manifests of FOLDER against the schema of Kubernetes, strictly (an
// unknown field is an error), against each other, and against the options of ordersd. Before that it plants faults,
// each of which it must find.
import { createRequire } from 'node:module';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const require = createRequire(join(process.env.TOOLS, 'package.json'));
const YAML = require('yaml');
const folder = process.argv[2];
const options = readFileSync(process.argv[3], 'utf8');

const homes = {
  'v1': 'v1', 'apps/v1': 'apps/v1', 'autoscaling/v2': 'autoscaling/v2', 'policy/v1': 'policy/v1',
  'networking.k8s.io/v1': 'networking.k8s.io/v1',
};

// The validators of the schema ignore unknown fields, but read every field that they know. So a field that nobody
// has read is unknown.
function watched(value, path, unread) {
  if (value === null || typeof value !== 'object') return value;
  for (const key of Object.keys(value)) unread.add(`${path}.${key}`);
  const children = new Map();
  return new Proxy(value, {
    get(target, key) {
      const at = `${path}.${String(key)}`;
      unread.delete(at);
      if (!children.has(key)) children.set(key, watched(target[key], at, unread));
      return children.get(key);
    },
  });
}

function schemaFaults(manifest) {
  const home = homes[manifest.apiVersion];
  const model = home && require(`kubernetes-models/${home}`)[manifest.kind];
  if (!model) return [`no kind ${manifest.kind} in ${manifest.apiVersion}`];
  const unread = new Set();
  try {
    model.prototype.validate.call(watched(manifest, manifest.kind, unread));
  } catch (error) {
    if (!error.errors) throw error;
    return error.errors.map((e) => `${manifest.kind}${e.instancePath.replaceAll('/', '.')}: ${e.message}`);
  }
  return [...unread].map((path) => `${path}: no such field`);
}

const seconds = (text) => Number(/^(\d+)s?$/.exec(text)?.[1]);

function* relationFaults(manifests) {
  const one = (kind) => manifests.find((m) => m.kind === kind);
  const pod = one('Deployment').spec.template;
  const container = pod.spec.containers[0];
  const env = Object.fromEntries(container.env.map((e) => [e.name, e.value]));
  const secrets = Object.fromEntries(manifests.filter((m) => m.kind === 'Secret').map((m) => [m.metadata.name, m.stringData]));

  for (const name of Object.keys(env))
    if (!options.includes(`\`${name}\``)) yield `ordersd has no option ${name}`;
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
    if (container[probe]?.httpGet.port !== container.ports[0].name) yield `${probe} asks another port`;
  if (!(pod.spec.terminationGracePeriodSeconds > seconds(env.SHUTDOWN_TIMEOUT))) yield 'the grace is no longer than SHUTDOWN_TIMEOUT';
  if (!(seconds(env.SHUTDOWN_DELAY) < seconds(env.SHUTDOWN_TIMEOUT))) yield 'SHUTDOWN_DELAY takes all of SHUTDOWN_TIMEOUT';
  const most = (one('HorizontalPodAutoscaler').spec.maxReplicas + 1) * (Number(env.DATABASE_MAX_POOL_SIZE) + 1);
  if (!(most <= 147)) yield `${most} connections do not fit into 150 less 3`;

  for (const { name, mountPath } of container.volumeMounts) {
    const secret = secrets[pod.spec.volumes.find((v) => v.name === name)?.secret.secretName];
    const wanted = Object.values(env).filter((v) => v.startsWith(`${mountPath}/`)).map((v) => v.slice(mountPath.length + 1));
    if (wanted.length === 0) yield `nothing reads ${mountPath}`;
    for (const key of wanted) if (!secret?.[key]) yield `no Secret has what ${mountPath}/${key} is to hold`;
  }
  const selectors = [one('Deployment').spec.selector.matchLabels, one('Service').spec.selector,
    one('PodDisruptionBudget').spec.selector.matchLabels, one('NetworkPolicy').spec.podSelector.matchLabels];
  for (const selector of selectors)
    for (const [key, value] of Object.entries(selector))
      if (pod.metadata.labels[key] !== value) yield `a selector by ${key}=${value} finds no pod`;
}

const faultsOf = (manifests) => [...manifests.flatMap(schemaFaults), ...relationFaults(manifests)];

// Each fault changes the text of one file, and must be found.
const planted = [
  ['deployment.yaml', /readinessProbe:/, 'readynessProbe:'],
  ['deployment.yaml', /periodSeconds: 10/, 'periodSecond: 10'],
  ['deployment.yaml', /containerPort: 8080/, 'containerPort: "8080"'],
  ['deployment.yaml', /name: AUTH$/m, 'name: AUTHS'],
  ['deployment.yaml', /value: 30s/, 'value: 50s'],
  ['service.yaml', /apiVersion: v1/, 'apiVersion: v2'],
  ['service.yaml', /name: ordersd$/gm, 'name: orders'],
  ['horizontalpodautoscaler.yaml', /maxReplicas: 5/, 'maxReplicas: 9'],
  ['horizontalpodautoscaler.yaml', /type: Pods/, 'type: 7'],
  ['poddisruptionbudget.yaml', /maxUnavailable/, 'maxUnavailables'],
  ['networkpolicy.yaml', /egress:/, 'egres:'],
];

function read(file, change = (text) => text) {
  return YAML.parseAllDocuments(change(readFileSync(join(folder, file), 'utf8')), { merge: true }).map((d) => {
    if (d.errors.length) throw d.errors[0];
    return d.toJS();
  });
}

const files = readdirSync(folder).filter((f) => f.endsWith('.yaml') && f !== 'kustomization.yaml').sort();
const faults = faultsOf(files.flatMap((f) => read(f)));
const [{ resources }] = read('kustomization.yaml');
for (const file of files)
  if (resources.includes(file) === file.startsWith('secret.')) faults.push(`kustomization.yaml: ${file} is not as it should be`);
for (const file of resources) if (!files.includes(file)) faults.push(`kustomization.yaml: there is no ${file}`);
for (const [file, from, to] of planted) {
  const change = (text) => {
    const changed = text.replace(from, to);
    if (changed === text) faults.push(`${file}: nothing there is like ${from}`);
    return changed;
  };
  if (faultsOf(files.flatMap((f) => read(f, f === file ? change : undefined))).length === 0)
    faults.push(`${file}: "${to}" is not found to be a fault`);
}
for (const fault of faults) console.log(fault);
console.log(`${files.length} files, ${planted.length} planted faults: ${faults.length === 0 ? 'good' : `${faults.length} faults`}`);
process.exit(faults.length === 0 ? 0 : 1);
