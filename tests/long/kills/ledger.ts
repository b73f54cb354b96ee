// Holds what several consumers on one name have had in their hands to what was committed, and to what is promised of
// redelivery.

// One event in the loop body of a consumer. `at` is in nanoseconds, by the one clock that all processes share.
export interface Delivery {
  consumer: number;
  id: string;
  row: number;
  at: bigint;
}

export interface Findings {
  rows: number;
  redelivered: number;
  // Of one connection: how many of the newest events had been in somebody's hands already.
  redelivered_at_once_max: number;
  // What each might have been, at most.
  redelivered_at_once_bound: number;
  // Each list says what is wrong; empty when nothing is.
  lost: string[];
  invented: string[];
  changed_ids: string[];
  out_of_order: string[];
  too_many_again: string[];
}

const second = 1_000_000_000n;

// What a server that was killed had been acknowledged and might not have saved: what was handled in the second before.
// Cursors are saved twenty times a second; the rest is for a machine that has other things to do.
function unsavedMax(deliveries: readonly Delivery[], serverKills: readonly bigint[]): number {
  let most = 0;
  for (const kill of serverKills) {
    const last = deliveries.filter(({ at }) => at > kill - second && at <= kill);
    most = Math.max(most, last.length);
  }
  return most;
}

// `committed` has the rows in commit order, each once.
export function judge(
  committed: readonly number[],
  unsorted: readonly Delivery[],
  serverKills: readonly bigint[],
  windowEvents: number,
): Findings {
  const deliveries = [...unsorted].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const bound = windowEvents + unsavedMax(deliveries, serverKills);
  const placeOf = new Map(committed.map((row, place) => [row, place]));
  const idAt: (string | undefined)[] = new Array<string | undefined>(committed.length).fill(undefined);
  const lastOf = new Map<number, number>();
  const found: Findings = {
    rows: committed.length,
    redelivered: 0,
    redelivered_at_once_max: 0,
    redelivered_at_once_bound: bound,
    lost: [],
    invented: [],
    changed_ids: [],
    out_of_order: [],
    too_many_again: [],
  };
  let contiguous = 0; // All before this place have been handled.
  let furthest = -1;
  for (const { consumer, id, row } of deliveries) {
    const place = placeOf.get(row);
    if (place === undefined) {
      found.invented.push(`row ${row}, ${id}`);
      continue;
    }
    const next = (lastOf.get(consumer) ?? -1) + 1;
    lastOf.set(consumer, place);
    if (place !== next) {
      // A connection begins, or leaves out what has been done. It never leaves out what nobody has had.
      for (let skipped = Math.max(next, contiguous); skipped < place; skipped++) {
        if (idAt[skipped] !== undefined) continue;
        found.out_of_order.push(`row ${row} came to consumer ${consumer} before row ${committed[skipped]}`);
        break;
      }
      const again = furthest - place + 1;
      found.redelivered_at_once_max = Math.max(found.redelivered_at_once_max, again);
      if (again > bound) found.too_many_again.push(`${again} events again, from row ${row} on`);
    }
    const known = idAt[place];
    if (known !== undefined) {
      found.redelivered++;
      if (known !== id) found.changed_ids.push(`row ${row} was ${known}, then ${id}`);
    }
    idAt[place] ??= id;
    furthest = Math.max(furthest, place);
    while (contiguous < idAt.length && idAt[contiguous] !== undefined) contiguous++;
  }
  let before = '';
  for (const [place, id] of idAt.entries()) {
    if (id === undefined) {
      found.lost.push(`row ${committed[place]}`);
    } else {
      if (id <= before) found.changed_ids.push(`row ${committed[place]} has ${id}, which does not follow ${before}`);
      before = id;
    }
  }
  return found;
}
