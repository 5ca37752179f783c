import type { CheckResult, FaultStats } from '../checks/judgement.ts';
import type { Report } from './json.ts';
import { formatMoment, formatNumber, joinWords } from '../../web/format.ts';

/** How many violations a failure quotes. */
const maxQuoted = 10;

interface Case {
  name: string;
  seconds: number;
  /** Absent if it passed. */
  result?: { tag: 'failure' | 'error' | 'skipped'; message: string; text?: string };
  output?: string;
}

/**
 * A judged run as one JUnit suite, for continuous integration: a case for each check, one for each fault (it landed and was
 * healed), and one for the evidence, which is an error if the run proves nothing. It has a failure or an error whenever the
 * verdict is not a pass.
 */
export function toJUnit(report: Report): string {
  const { plan, store, driver, seed, verdict, environment, startedAt, seconds, checks, faults, skipped } = report;
  const suite = `unsticky.${plan}.${store}`;
  const cases: Case[] = [
    ...checks.map(checkCase),
    ...faults.map(faultCase),
    ...skipped.map(({ fault, reason }) => withoutTime(`fault ${fault}`, { tag: 'skipped', message: reason })),
    evidenceCase(report),
  ];
  const having = (tag: string) => cases.filter(({ result }) => result?.tag === tag).length;
  const totals = `tests="${cases.length}" failures="${having('failure')}" errors="${having('error')}" skipped="${having('skipped')}" time="${time(seconds)}"`;
  const properties = Object.entries({ driver, seed: String(seed), verdict, ...environment });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="unsticky" ${totals}>`,
    `<testsuite name="${xml(suite)}" ${totals} timestamp="${xml(startedAt.slice(0, 19))}">`,
    '<properties>',
    ...properties.map(([name, value]) => `<property name="${xml(name)}" value="${xml(value)}"/>`),
    '</properties>',
    ...cases.map((testcase) => renderCase(suite, testcase)),
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function withoutTime(name: string, result: NonNullable<Case['result']>): Case {
  return { name, seconds: 0, result };
}

function checkCase({ name, title, count: found, checked, violations }: CheckResult): Case {
  if (found === 0 && checked === 0) return withoutTime(name, { tag: 'skipped', message: 'nothing to check' });
  const output = `${formatNumber(found)} ${title}, ${formatNumber(checked)} checked`;
  if (found === 0) return { name, seconds: 0, output };
  const quoted = violations.slice(0, maxQuoted).map(({ summary }) => summary);
  if (found > quoted.length) quoted.push(`and ${formatNumber(found - quoted.length)} more in the history`);
  return withoutTime(name, { tag: 'failure', message: output, text: quoted.join('\n') });
}

/** The checks compare its impact with its budget; this case says that it landed and was healed. */
function faultCase({ fault, targets, start, end, evidence, problem }: FaultStats, index: number): Case {
  const name = `fault ${index + 1} ${fault} of ${joinWords(targets)}`;
  const seconds = end === null ? 0 : (end - start) / 1000;
  const output = [
    `at ${formatMoment(start)}: ${evidence || 'no evidence that it landed'}`,
    end === null ? 'never healed' : `healed at ${formatMoment(end)}`,
    ...(problem === undefined ? [] : [problem]),
  ].join('; ');
  if (evidence !== '' && end !== null) return { name, seconds, output };
  return { name, seconds, result: { tag: 'error', message: output } };
}

function evidenceCase({ verdict, reasons, checks }: Report): Case {
  const name = 'evidence';
  if (verdict === 'unknown')
    return { name, seconds: 0, result: { tag: 'error', message: 'this run proves nothing', text: reasons.join('\n') } };
  // A fail without a failed check must not read as a pass.
  if (verdict === 'fail' && checks.every((check) => check.count === 0))
    return { name, seconds: 0, result: { tag: 'failure', message: reasons.join('; ') } };
  return { name, seconds: 0, output: 'something was at risk, and it was checked' };
}

function renderCase(suite: string, { name, seconds, result, output }: Case): string {
  const head = `<testcase classname="${xml(suite)}" name="${xml(name)}" time="${time(seconds)}"`;
  if (result) {
    const { tag, message, text = '' } = result;
    return `${head}><${tag} message="${xml(message)}">${xml(text)}</${tag}></testcase>`;
  }
  return output ? `${head}><system-out>${xml(output)}</system-out></testcase>` : `${head}/>`;
}

function time(seconds: number): string {
  return seconds.toFixed(3);
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\n': '&#10;',
  '\r': '&#13;',
  '\t': '&#9;',
};

/** For text and attributes. XML 1.0 allows no other control characters, not even escaped. */
function xml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replace(/[&<>"'\n\r\t]/g, (character) => entities[character] as string);
}
