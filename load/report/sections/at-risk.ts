import type { AtRisk } from '../at-risk.ts';
import type { Report } from '../json.ts';
import { type Html, html } from '../../../web/html.ts';
import { formatMoment, formatNumber, plural } from '../../../web/format.ts';
import { type Place, section, table } from './section.ts';

/** What could have been lost: without that, a pass proves nothing. */
export function renderAtRisk(report: Report, place: Place): Html {
  const { atRisk, checked, invoked, requests, unmatchedLogLines, backgroundLoad } = report;
  const facts = [
    `${plural(checked.sessions, 'session')} and ${plural(checked.writes, 'acknowledged write')} were checked afterwards.`,
    `The users sent ${plural(invoked, 'request')}: ${formatNumber(requests.total)} were recorded, ${formatNumber(requests.ok)} succeeded, and ${formatNumber(requests.unknown)} have an unknown outcome.`,
    requests.reconnected > 0 && `${formatNumber(requests.reconnected)} met a closing connection and were repeated.`,
    unmatchedLogLines === null
      ? 'The record was not compared with nginx’s access log.'
      : `nginx’s access log has ${plural(unmatchedLogLines, 'request')} that no user sent.`,
    backgroundLoad === null
      ? 'There was no background load.'
      : `Background load (not counted): ${formatNumber(backgroundLoad.answered)} answered, ${formatNumber(backgroundLoad.failed)} failed.`,
  ];
  return section(
    place,
    'at-risk',
    'What was at risk',
    html`
      <ul class="prose">${facts.map((fact) => fact && html`<li>${fact}</li>`)}</ul>
      ${atRisk.length > 0 && table('At the start of each fault', columns, atRisk.map(row))}`,
  );
}

const columns = [
  { name: 'Fault' },
  { name: 'Start' },
  { name: 'Sessions open', numeric: true },
  { name: 'Requests in flight', numeric: true },
  { name: 'Responses of its targets before' },
];

function row({ fault, start, underWay, sessionsOpen, served }: AtRisk, index: number): Html[] {
  const answers = served.filter((target) => target.answers !== null);
  const texts = answers.map((target) => `${target.target}: ${formatNumber(target.answers ?? 0)}`);
  return [
    html`${index + 1} ${fault}`,
    html`${formatMoment(start, 1)}`,
    html`${formatNumber(sessionsOpen)}`,
    html`${formatNumber(underWay)}`,
    html`${texts.length > 0 ? texts.join(', ') : 'not a replica'}`,
  ];
}
