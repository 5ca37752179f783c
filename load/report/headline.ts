import { formatNumber, joinWords, plural } from '../../web/format.ts';
import type { Report } from './json.ts';

/** More reasons than this are counted instead of named. */
export const maxReasons = 3;

/** The result of a run, in one sentence. */
export function headlineOf(report: Pick<Report, 'verdict' | 'reasons' | 'checked' | 'faults'>): string {
  const { verdict, reasons, checked, faults } = report;
  if (verdict === 'pass') {
    const sessions = checked.sessions === 1 ? 'The only session' : `All ${formatNumber(checked.sessions)} sessions`;
    return `${sessions} survived ${plural(faults.length, 'fault')}, and no acknowledged write was lost.`;
  }
  const more = reasons.length - maxReasons;
  const named = more > 0 ? [...reasons.slice(0, maxReasons), `${formatNumber(more)} more`] : reasons;
  return verdict === 'fail' ? `${joinWords(named)}.` : `This run proves nothing: ${named.join('; ')}.`;
}
