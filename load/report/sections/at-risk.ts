import type { AtRisk } from '../at-risk.ts';
import type { Report } from '../json.ts';
import { type Html, html } from '../markup.ts';
import { count, moment, plural } from '../words.ts';
import { type Place, section } from './section.ts';
import { table } from './table.ts';

/** What could have been lost: without that, a pass says nothing. */
export function renderAtRisk(report: Report, place: Place): Html {
  const { atRisk, checked, invoked, requests, strangers, background } = report;
  const facts = [
    `${plural(checked.sessions, 'session')} and ${plural(checked.writes, 'acknowledged write')} were looked for afterwards.`,
    `The users began ${plural(invoked, 'request')}: ${count(requests.total)} were recorded, ${count(requests.ok)} succeeded, ${count(requests.unknown)} ended without a word on whether they had happened.`,
    requests.reconnected > 0 &&
      `${count(requests.reconnected)} met a connection that was just being closed, and were repeated.`,
    strangers === null
      ? 'Nobody held this against nginx’s access log.'
      : `nginx’s access log has ${plural(strangers, 'request')} that no user knows of.`,
    background === null
      ? 'There was no background load.'
      : `Background load, which is no part of the proof: ${count(background.answered)} answered, ${count(background.failed)} failed.`,
  ];
  return section(
    place,
    'at-risk',
    'What was at risk',
    html`
      <ul class="prose">${facts.map((fact) => fact && html`<li>${fact}</li>`)}</ul>
      ${atRisk.length > 0 && table('In the moment in which each fault began', columns, atRisk.map(row))}`,
  );
}

const columns = [
  { name: 'Fault' },
  { name: 'Began at' },
  { name: 'Sessions open', numeric: true },
  { name: 'Requests under way', numeric: true },
  { name: 'Answered before by what it hit' },
];

function row({ fault, start, underWay, sessionsOpen, served }: AtRisk, index: number): Html[] {
  const answers = served.filter((target) => target.answers !== null);
  const words = answers.map((target) => `${target.target}: ${count(target.answers ?? 0)}`);
  return [
    html`${index + 1} ${fault}`,
    html`${moment(start, 1)}`,
    html`${count(sessionsOpen)}`,
    html`${count(underWay)}`,
    html`${words.length > 0 ? words.join(', ') : 'not a replica'}`,
  ];
}
