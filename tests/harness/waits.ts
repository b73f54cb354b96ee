// Requests that wait until Pulse has captured something (GET /v1/wait).
import { postgresMajor } from './paths.js';
import type { Pulse } from './pulse.js';

export interface WaitAnswer {
  status: number;
  body: {
    lsn?: string;
    captured?: string;
    acknowledged?: string;
    code?: string;
    message?: string;
    details?: { next?: string; captured?: string; acknowledged?: string };
  };
}

// The longest that there is: a test fails when what it waits for does not come, and asserts no timing.
export const patiently = 'wait=55s';

export async function waitFor(pulse: Pulse, query: string, signal?: AbortSignal): Promise<WaitAnswer> {
  const response = await fetch(`http://127.0.0.1:${pulse.listenPort}/v1/wait?${query}`, {
    headers: { authorization: `Bearer ${pulse.apiKey}` },
    ...(signal === undefined ? {} : { signal }),
  });
  return { status: response.status, body: (await response.json()) as WaitAnswer['body'] };
}

// The id of the transaction in which it is asked, in 64 bits.
export const ownId =
  postgresMajor >= 13 ? 'SELECT pg_current_xact_id()::text AS xid' : 'SELECT txid_current()::text AS xid';
