// What was judged, so that a run can show that nothing was left out.
import type { Filter } from './random_filter.js';
import { isOperators } from './wire.js';

// The operator by which a filter of a single condition is known; nothing for others.
function operatorOf(filter: Filter): string | undefined {
  const [entry, ...others] = Object.entries(filter);
  if (entry === undefined || others.length > 0) return undefined;
  const [name, value] = entry;
  if (name === 'NOT' && isOperators(value)) return operatorOf(value);
  if (name === 'AND' || name === 'OR' || name === 'NOT') return undefined;
  if (!isOperators(value)) return `${name} as a value`;
  const { path: _path, mode, ...operators } = value;
  return `${name} ${Object.keys(operators).join('+')}${mode === undefined ? '' : ` ${String(mode)}`}`;
}

export class Tally {
  pairs = 0;
  found = 0;
  private readonly outcomes = new Map<string, { found: number; pairs: number }>();

  add(filter: Filter, found: boolean): void {
    this.pairs++;
    if (found) this.found++;
    const operator = operatorOf(filter);
    if (operator === undefined) return;
    const outcome = this.outcomes.get(operator) ?? { found: 0, pairs: 0 };
    this.outcomes.set(operator, outcome);
    outcome.pairs++;
    if (found) outcome.found++;
  }

  // The operators of fields, alone, of which some rows were found and some were not.
  get decided(): number {
    return [...this.outcomes.values()].filter(({ found, pairs }) => found > 0 && found < pairs).length;
  }

  get operators(): number {
    return this.outcomes.size;
  }

  toString(): string {
    const share = ((100 * this.found) / Math.max(1, this.pairs)).toFixed(0);
    return `${this.pairs} pairs judged, ${share} % found; ${this.operators} operators of fields by themselves, ${this.decided} with both outcomes`;
  }
}
