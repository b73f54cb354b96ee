// The container image, read as the specification of its layout says.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { removeFolder } from '../harness/cleanup.js';
import type { Scenario } from '../harness/scenario.js';
import { packed, run } from './files.js';

interface Descriptor {
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

export interface ImageConfiguration {
  config: {
    User: string;
    Entrypoint: string[];
    Cmd: string[];
    Env: string[];
    ExposedPorts: Record<string, object>;
    Volumes: Record<string, object>;
  };
  rootfs: { diff_ids: string[] };
}

export interface Image {
  layout: string;
  tag: string;
  root: string;
  user: number;
  command: string[];
  env: Record<string, string>;
  configuration: ImageConfiguration;
}

const sum = (content: Buffer): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;

// Unpacks it, and checks every checksum on the way. As root only: files have their owners.
export function unpackImage(s: Scenario): Image {
  const above = mkdtempSync(join(tmpdir(), 'pulse-image-'));
  s.atEnd(() => removeFolder(above));
  const [layout, root] = [join(above, 'layout'), join(above, 'root')];
  for (const folder of [layout, root]) mkdirSync(folder);
  run('tar', '--extract', '--file', packed(/-oci-amd64\.tar$/), '--directory', layout);
  assert.ok(existsSync(join(layout, 'oci-layout')));

  const path = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  const blob = ({ digest, size }: Descriptor): Buffer => {
    const content = readFileSync(join(layout, path(digest)));
    assert.deepEqual([sum(content), content.length], [digest, size]);
    return content;
  };
  const json = (content: Buffer): unknown => JSON.parse(content.toString('utf8'));
  const index = json(readFileSync(join(layout, 'index.json'))) as { manifests: Descriptor[] };
  assert.equal(index.manifests.length, 1);
  const described = index.manifests[0] as Descriptor;
  const manifest = json(blob(described)) as { config: Descriptor; layers: Descriptor[] };
  const configuration = json(blob(manifest.config)) as ImageConfiguration;
  // What Docker reads instead of the layout says the same.
  const tag = described.annotations?.['org.opencontainers.image.ref.name'] ?? '';
  assert.deepEqual(json(readFileSync(join(layout, 'manifest.json'))), [
    {
      Config: path(manifest.config.digest),
      RepoTags: [`pulse:${tag}`],
      Layers: manifest.layers.map(({ digest }) => path(digest)),
    },
  ]);
  const layers = manifest.layers.map((layer) => gunzipSync(blob(layer)));
  assert.deepEqual(layers.map(sum), configuration.rootfs.diff_ids);
  for (const layer of layers) {
    const file = join(above, 'layer.tar');
    writeFileSync(file, layer);
    run('tar', '--extract', '--preserve-permissions', '--numeric-owner', '--file', file, '--directory', root);
  }
  const { User, Entrypoint, Cmd, Env } = configuration.config;
  return {
    layout,
    tag,
    root,
    user: Number(User.split(':')[0]),
    command: [...Entrypoint, ...Cmd],
    env: Object.fromEntries(Env.map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string])),
    configuration,
  };
}
