import type { Report } from './json.ts';
import { count, list, plural } from './words.ts';

/** How many reasons the sentence has; where there are more, it says how many. */
export const mostReasons = 3;

/** What a run has shown, in one sentence. */
export function sentenceOf({
  verdict,
  reasons,
  checked,
  faults,
}: Pick<Report, 'verdict' | 'reasons' | 'checked' | 'faults'>): string {
  if (verdict === 'pass') {
    const sessions = checked.sessions === 1 ? 'The only session' : `All ${count(checked.sessions)} sessions`;
    return `${sessions} survived ${plural(faults.length, 'fault')}, and nothing that was acknowledged was lost.`;
  }
  const more = reasons.length - mostReasons;
  const shown = more > 0 ? [...reasons.slice(0, mostReasons), `${count(more)} more`] : reasons;
  if (verdict === 'fail') return `It did not hold: ${list(shown)}.`;
  return `This run proves nothing: ${shown.join('; ')}.`;
}
