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
  // By how many it was above the window.
  above_window_max: number;
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
class Unsaved {
  private readonly kills: { at: bigint; unsaved: number }[];

  constructor(deliveries: readonly Delivery[], serverKills: readonly bigint[]) {
    this.kills = serverKills.map((kill) => ({
      at: kill,
      unsaved: deliveries.filter(({ at }) => at > kill - second && at <= kill).length,
    }));
  }

  // Of the server that had sent what was handled then: the one that was killed next, or, when the consumer still had it
  // in hand, the one killed before.
  around(time: bigint): number {
    const before = this.kills.filter(({ at }) => at <= time).at(-1)?.unsaved ?? 0;
    const after = this.kills.find(({ at }) => at > time)?.unsaved ?? 0;
    return Math.max(before, after);
  }
}

// `committed` has the rows in commit order, each once.
export function judge(
  committed: readonly number[],
  unsorted: readonly Delivery[],
  serverKills: readonly bigint[],
  windowEvents: number,
): Findings {
  const deliveries = [...unsorted].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const unsaved = new Unsaved(deliveries, serverKills);
  const placeOf = new Map(committed.map((row, place) => [row, place]));
  const idAt: (string | undefined)[] = new Array<string | undefined>(committed.length).fill(undefined);
  const lastOf = new Map<number, number>();
  const found: Findings = {
    rows: committed.length,
    redelivered: 0,
    redelivered_at_once_max: 0,
    above_window_max: 0,
    lost: [],
    invented: [],
    changed_ids: [],
    out_of_order: [],
    too_many_again: [],
  };
  let contiguous = 0; // All before this place have been handled.
  let furthest = -1;
  let furthestAt = 0n;
  for (const { consumer, id, row, at } of deliveries) {
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
      found.above_window_max = Math.max(found.above_window_max, again - windowEvents);
      if (again > windowEvents + unsaved.around(furthestAt))
        found.too_many_again.push(`${again} events again, from row ${row} on`);
    }
    const known = idAt[place];
    if (known !== undefined) {
      found.redelivered++;
      if (known !== id) found.changed_ids.push(`row ${row} was ${known}, then ${id}`);
    }
    idAt[place] ??= id;
    if (place > furthest) {
      furthest = place;
      furthestAt = at;
    }
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
