// The bill of materials names everything that is in the program.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { test } from 'node:test';

import { pulseBinary, root } from '../harness/paths.js';
import { packed, run } from './files.js';

interface Component {
  name: string;
  version: string;
  purl: string;
  scope: string;
  properties: { name: string; value: string }[];
  components?: { name: string; hashes: { alg: string; content: string }[] }[];
}

const bill = JSON.parse(readFileSync(packed(/\.cdx\.json$/), 'utf8')) as {
  bomFormat: string;
  specVersion: string;
  metadata: { component: { version: string } };
  components: Component[];
};
const used = (use: string): Component[] =>
  bill.components.filter(({ properties }) =>
    properties.some(({ name, value }) => name === 'pulse:use' && value === use),
  );

test('it_is_of_this_version', () => {
  assert.deepEqual([bill.bomFormat, bill.specVersion], ['CycloneDX', '1.5']);
  assert.equal(run(pulseBinary, '--version').trim(), `pulse ${bill.metadata.component.version}`);
});

test('every_library_that_the_program_loads_is_in_it_with_its_checksum', () => {
  const loaded = [...run('ldd', pulseBinary).matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] as string);
  assert.ok(loaded.length > 20, `${loaded.length}`);
  const sum = (file: string): string =>
    createHash('sha256')
      .update(readFileSync(realpathSync(file)))
      .digest('hex');
  const listed = used('linked').flatMap(({ components = [] }) => components);
  assert.deepEqual(
    Object.fromEntries(listed.map(({ name, hashes }) => [name, hashes[0]?.content])),
    Object.fromEntries(loaded.map((file) => [file.split('/').at(-1), sum(file)])),
  );
});

test('what_is_compiled_in_from_headers_is_in_it', () => {
  const names = used('compiled-in').map(({ name }) => name);
  for (const name of ['libboost1.81-dev', 'libcli11-dev', 'libstdc++-12-dev']) assert.ok(names.includes(name), name);
  assert.ok(!names.some((name) => /gtest|benchmark|rapidcheck/.test(name)), 'what only tests use is not shipped');
});

test('versions_are_those_that_are_installed', () => {
  for (const { name, version, purl } of [...used('linked'), ...used('compiled-in')]) {
    assert.equal(run('dpkg-query', '-W', '-f', `\${Version}\n`, name).split('\n')[0], version, name);
    assert.ok(purl.startsWith(`pkg:deb/debian/${name}@`), purl);
  }
});

test('every_module_of_the_lock_file_is_in_it_as_not_shipped', () => {
  const lock = JSON.parse(readFileSync(`${root}/package-lock.json`, 'utf8')) as {
    packages: Record<string, { version?: string; link?: boolean; name?: string }>;
  };
  const expected = Object.entries(lock.packages)
    .filter(([path, { version, link }]) => path !== '' && link !== true && version !== undefined)
    .map(([path, { version, name }]) => `${name ?? path.split('node_modules/').at(-1)} ${version}`);
  assert.ok(expected.length > 20, `${expected.length}`);
  const listed = used('tests').map(({ name, version, scope }) => {
    assert.equal(scope, 'excluded', name);
    return `${name} ${version}`;
  });
  assert.deepEqual(listed.sort(), [...new Set(expected)].sort());
});
