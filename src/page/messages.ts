import type { Problem, ProblemCode } from '../errors.ts';

/** The languages in which the page greets; everything else on it is English. */
export const greetings: Record<string, [name: string, greeting: string]> = {
  ar: ['العربية', 'مرحبًا'],
  de: ['Deutsch', 'Hallo'],
  en: ['English', 'Hello'],
  es: ['Español', 'Hola'],
  fr: ['Français', 'Bonjour'],
  he: ['עברית', 'שלום'],
  hi: ['हिन्दी', 'नमस्ते'],
  it: ['Italiano', 'Ciao'],
  ja: ['日本語', 'こんにちは'],
  nl: ['Nederlands', 'Hallo'],
  pl: ['Polski', 'Cześć'],
  pt: ['Português', 'Olá'],
  sv: ['Svenska', 'Hej'],
  tr: ['Türkçe', 'Merhaba'],
  uk: ['Українська', 'Вітаю'],
  zh: ['中文', '你好'],
};

/** The greeting in a language, or in English where the page does not speak it. */
export function greet(language = 'en'): { lang: string; greeting: string } {
  const primary = language.split('-', 1)[0]?.toLowerCase() ?? '';
  const [lang, known] = Object.hasOwn(greetings, primary) ? [language, greetings[primary]] : ['en', greetings.en];
  return { lang, greeting: (known as [string, string])[1] };
}

/** A time that has passed, as people say it. */
export function age(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'less than a minute';
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.floor(hours / 24)} days`;
}

/** `1 article`, `2 articles` */
export function count(number: number, one: string): string {
  return `${number} ${one}${number === 1 ? '' : 's'}`;
}

const browsers: [RegExp, string][] = [
  [/\bEdg/, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\//, 'Firefox'],
  [/Chrom(e|ium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const systems: [RegExp, string][] = [
  [/\bAndroid\b/, 'Android'],
  [/\b(iPhone|iPad)\b/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

/** Names what a User-Agent header says as far as people tell browsers apart; else its first words. */
export function nameOfAgent(userAgent: string | undefined): string {
  if (!userAgent) return 'A browser that does not say which';
  const of = (names: [RegExp, string][]) => names.find(([sign]) => sign.test(userAgent))?.[1];
  const [browser, system] = [of(browsers), of(systems)];
  return browser && system ? `${browser} on ${system}` : userAgent.slice(0, 60);
}

const fields: Record<string, string> = { name: 'Name', sku: 'Article', quantity: 'How many' };

const told: Partial<Record<ProblemCode, string>> = {
  'store-unavailable': 'Nothing was changed. Try again in a second.',
  'logged-out': 'You are not logged in any more.',
  'not-found': 'That session is not there any more: it has ended already.',
  'outcome-unknown': 'Sessions did not answer in time. Send it again: it is done once.',
};

/** A problem in the page's words: what a visitor can do about it, not what a program could. */
export function tell({ code, message, extra: { errors } }: Problem): string {
  if (errors) return errors.map(({ field, message }) => `${fields[field] ?? field} ${message}.`).join(' ');
  return told[code] ?? message;
}
