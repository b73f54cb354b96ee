// A consumer that pulls over HTTP, as its user would write it with fetch.
import type { Pulse } from './pulse.js';

export interface PulledEvent {
  id: string;
  action: string;
  after: Record<string, unknown> | null;
}

export interface Pulled {
  token: string;
  leaseExpiresAt: string;
  attempts: Record<string, number>;
  events: PulledEvent[];
  caughtUp: boolean;
  end?: { lsn: string; source: string };
  lag: { bytes: number };
}

export interface Problem {
  status: number;
  message: string;
  details: { reason?: string; holder?: { kind: string; since: string }; gap?: { id: number } };
}

export type PullAnswer = { ok: true; body: Pulled } | { ok: false; problem: Problem; retryAfter: string | null };

export async function post(pulse: Pulse, path: string, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`http://127.0.0.1:${pulse.listenPort}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${pulse.apiKey}` },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

export async function tryPull(pulse: Pulse, name: string, body: object, signal?: AbortSignal): Promise<PullAnswer> {
  const response = await post(pulse, `/v1/streams/${name}/pull`, body, signal);
  const answer = (await response.json()) as unknown;
  if (response.status === 200) return { ok: true, body: answer as Pulled };
  return { ok: false, problem: answer as Problem, retryAfter: response.headers.get('retry-after') };
}

export async function pull(pulse: Pulse, name: string, body: object): Promise<Pulled> {
  const answer = await tryPull(pulse, name, body);
  if (!answer.ok) throw new Error(`pull: ${JSON.stringify(answer.problem)}`);
  return answer.body;
}

export const idsOf = (events: PulledEvent[]): number[] => events.map(({ after }) => after?.['id'] as number);
