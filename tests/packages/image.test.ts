// The container image, and the two ways that are described to run it: each serves as 65532 on a read-only root.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { root } from '../harness/paths.js';
import { runClosed, takesOneEvent } from './closed_root.js';
import { rootScenario, run } from './files.js';
import { type Image, unpackImage } from './image.js';

const data = '/var/lib/pulse';
const settings = readFileSync(join(root, 'docs/configuration.md'), 'utf8');

// The documents of a YAML file.
function yaml(file: string): unknown[] {
  const program = 'import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))';
  return JSON.parse(run('/usr/bin/python3', '-c', program, join(root, file))) as unknown[];
}

function assertKnown(env: Record<string, unknown>): void {
  for (const name of Object.keys(env)) assert.ok(settings.includes(`\`${name}\``), `${name} is a setting`);
}

rootScenario('the_image_serves_on_a_read_only_root', async (s) => {
  const image = unpackImage(s);
  assert.equal(image.user, 65532);
  assert.deepEqual(Object.keys(image.configuration.config.Volumes), [data]);
  const owner = statSync(join(image.root, data));
  assert.deepEqual([owner.uid, owner.gid, owner.mode & 0o7777], [65532, 65532, 0o700]);
  assert.equal(run('find', image.root, '-perm', '/6000'), '', 'nothing changes its user');
  await takesOneEvent(s, { folder: image.root, user: image.user, writable: data }, image.command, image.env);
});

rootScenario('the_image_asks_for_tls_or_for_a_word_that_it_is_not_needed', async (s) => {
  const image = unpackImage(s);
  const env = { ...image.env, PULSE_DATABASE_URL: 'postgresql://127.0.0.1:1/none' };
  const server = runClosed(s, { folder: image.root, user: image.user, writable: data }, image.command, env);
  const { code } = await server.ended;
  assert.notEqual(code, 0);
  assert.match(server.output, /--insecure/);
});

rootScenario('another_tool_reads_the_image_too', async (s) => {
  const image = unpackImage(s);
  const bundle = join(image.layout, '../bundle');
  run('umoci', 'unpack', '--image', `${image.layout}:${image.tag}`, bundle);
  assert.equal(run('diff', '--recursive', '--no-dereference', join(bundle, 'rootfs'), image.root), '');
  const { process } = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as {
    process: { user: { uid: number }; args: string[] };
  };
  assert.deepEqual([process.user.uid, process.args], [65532, image.command]);
});

interface Compose {
  services: {
    pulse: {
      image: string;
      environment: Record<string, string>;
      ports: string[];
      volumes: string[];
      read_only: boolean;
    };
  };
  volumes: Record<string, object>;
}

const portOf = (image: Image): number => Number(Object.keys(image.configuration.config.ExposedPorts)[0]?.split('/')[0]);

rootScenario('the_compose_file_runs_it', async (s) => {
  const image = unpackImage(s);
  const [compose] = yaml('packaging/compose/compose.yaml') as [Compose];
  const { pulse } = compose.services;
  assert.equal(pulse.image, `pulse:${image.tag}`);
  assert.ok(pulse.read_only);
  assert.equal(pulse.ports[0], `127.0.0.1:${portOf(image)}:${portOf(image)}`, 'only this machine reaches it');
  const [volume = '', place = ''] = pulse.volumes[0]?.split(':') ?? [];
  assert.ok(volume in compose.volumes);
  assertKnown(pulse.environment);
  const env = { ...image.env, ...pulse.environment };
  await takesOneEvent(s, { folder: image.root, user: image.user, writable: place }, image.command, env);
});

interface Variable {
  name: string;
  value?: string;
  valueFrom?: { secretKeyRef: { name: string; key: string } };
}
interface Probe {
  httpGet: { path: string; port: string };
}
interface StatefulSet {
  spec: {
    serviceName: string;
    replicas: number;
    selector: { matchLabels: object };
    template: {
      metadata: { labels: object };
      spec: {
        securityContext: { runAsUser: number; fsGroup: number };
        containers: {
          image: string;
          env: Variable[];
          ports: { name: string; containerPort: number }[];
          readinessProbe: Probe;
          livenessProbe: Probe;
          startupProbe: Probe & { periodSeconds: number; failureThreshold: number };
          securityContext: { readOnlyRootFilesystem: boolean };
          volumeMounts: { name: string; mountPath: string }[];
        }[];
      };
    };
    volumeClaimTemplates: { metadata: { name: string } }[];
  };
}
interface Service {
  metadata: { name: string };
  spec: { selector: object; ports: { port: number; targetPort: string }[] };
}

rootScenario('the_kubernetes_manifests_run_it', async (s) => {
  const image = unpackImage(s);
  const [service, set] = yaml('packaging/kubernetes/pulse.yaml') as [Service, StatefulSet];
  const { spec } = set.spec.template;
  const [container] = spec.containers;
  assert.ok(container !== undefined && spec.containers.length === 1);
  assert.equal(set.spec.replicas, 1);
  assert.equal(container.image, `pulse:${image.tag}`);
  assert.equal(spec.securityContext.runAsUser, image.user);
  assert.ok(container.securityContext.readOnlyRootFilesystem);
  // What names something else in the file names something that is there.
  assert.equal(set.spec.serviceName, service.metadata.name);
  for (const labels of [service.spec.selector, set.spec.selector.matchLabels])
    assert.deepEqual(labels, set.spec.template.metadata.labels);
  const port = container.ports[0];
  assert.deepEqual(port?.containerPort, portOf(image));
  for (const name of [
    service.spec.ports[0]?.targetPort,
    container.readinessProbe.httpGet.port,
    container.livenessProbe.httpGet.port,
    container.startupProbe.httpGet.port,
  ])
    assert.equal(name, port?.name);
  assert.deepEqual(
    [container.readinessProbe.httpGet.path, container.livenessProbe.httpGet.path],
    ['/readyz', '/healthz'],
    'the pages that are asked for below',
  );
  // Before it listens it recovers the log, which may be large.
  const { httpGet, periodSeconds, failureThreshold } = container.startupProbe;
  assert.equal(httpGet.path, '/healthz');
  assert.ok(periodSeconds * failureThreshold >= 3600);
  const mount = container.volumeMounts[0];
  assert.equal(mount?.name, set.spec.volumeClaimTemplates[0]?.metadata.name);
  const created = /kubectl create secret generic (\S+) (.*)/.exec(
    readFileSync(join(root, 'packaging/kubernetes/pulse.yaml'), 'utf8'),
  );
  for (const { valueFrom } of container.env) {
    if (valueFrom === undefined) continue;
    assert.equal(valueFrom.secretKeyRef.name, created?.[1]);
    assert.ok(created?.[2]?.includes(`--from-literal=${valueFrom.secretKeyRef.key}=`), valueFrom.secretKeyRef.key);
  }
  const own = Object.fromEntries(container.env.map(({ name, value = '' }) => [name, value]));
  assertKnown(own);
  // What a volume looks like with fsGroup: root's, open to the group.
  const volume = { owner: 0, group: spec.securityContext.fsGroup, mode: 0o2770 };
  const closed = { folder: image.root, user: image.user, writable: mount?.mountPath ?? '', volume };
  await takesOneEvent(s, closed, image.command, { ...image.env, ...own });
});
