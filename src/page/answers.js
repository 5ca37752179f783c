// What this browser observed of the replicas: the last responses, and what the session survived. The server knows nothing of
// it. Tabs count together, because they share a session.

const mostDots = 20;
const mostReplicas = 200;
const tones = 8;
const nothing = { session: '', requests: 0, restarts: 0, starts: {}, last: [], tones: {} };
let kept = nothing;

function read() {
  try {
    kept = { ...nothing, ...JSON.parse(localStorage.getItem('answers') ?? '{}') };
  } catch {} // without storage the counts live as long as this tab
  return kept;
}

function write(counts) {
  kept = counts;
  try {
    localStorage.setItem('answers', JSON.stringify(counts));
  } catch {}
}

/**
 * Counts one response: its replica, when that was started, and the session. `ok` is false for a failure; `ms` is how long it
 * took.
 */
export function count({ replica = '', startedAt = '', session = '' }, ok, ms) {
  const before = read();
  const counts =
    ok && before.session !== session ? { ...before, session, requests: 0, restarts: 0, starts: {} } : before;
  const tone = toneOf(replica, counts.tones);
  const was = counts.starts[replica];
  write({
    ...counts,
    requests: counts.requests + (ok ? 1 : 0),
    restarts: counts.restarts + (ok && was !== undefined && was < startedAt ? 1 : 0),
    starts: ok
      ? newest({ ...counts.starts, [replica]: was > startedAt ? was : startedAt }, mostReplicas)
      : counts.starts,
    last: [...counts.last, { replica, tone, ok, ms: Math.round(ms) }].slice(-mostDots),
    tones: newest({ ...counts.tones, [replica]: tone }, mostReplicas),
  });
}

/** A replica keeps its colour; one with a number has the colour of that number, as everywhere in this project. */
function toneOf(replica, known) {
  const [, number] = /-(\d{1,4})$/.exec(replica) ?? [];
  if (number) return (Number(number) + tones - 1) % tones;
  return known[replica] ?? Object.keys(known).length % tones;
}

function newest(entries, most) {
  return Object.fromEntries(Object.entries(entries).slice(-most));
}

/** Shows the dots, and adds what the session survived to its age. */
export function show() {
  const { requests, restarts, starts, last } = read();
  const element = (id) => document.getElementById(id);
  if (!element('last')) return;
  element('last').hidden = false;
  const empty = Array.from({ length: mostDots - last.length }, () => dot());
  element('dots').replaceChildren(...last.map(dot), ...empty);
  element('legend').replaceChildren(...legend(last));
  const latest = last.at(-1);
  if (latest?.ok) element('answer').dataset.tone = latest.tone;
  if (latest?.ms !== undefined)
    element('took').textContent = `The last one ${latest.ok ? 'took' : 'failed after'} ${duration(latest.ms)}.`;
  const lived = element('lived');
  if (!lived.dataset.aged) return;
  const survived = [amount(requests, 'request'), amount(Object.keys(starts).length, 'replica')];
  lived.textContent = `${lived.dataset.aged} and survived ${survived.join(', ')} and ${amount(restarts, 'restart')}.`;
}

function dot(answer) {
  const item = document.createElement('li');
  if (!answer) {
    item.ariaHidden = 'true';
    return item;
  }
  const { replica, tone, ok, ms } = answer;
  const label = document.createElement('span');
  label.ariaHidden = 'true';
  label.textContent = /-(\d{1,3})$/.exec(replica)?.[1] ?? (replica.slice(0, 3) || '×');
  const name = document.createElement('span');
  name.className = 'visually-hidden';
  const took = ms === undefined ? '' : ` after ${duration(ms)}`;
  name.textContent = `${replica || 'no replica'}${ok ? '' : ', failed'}${took}`;
  item.title = name.textContent;
  item.dataset.tone = tone;
  item.className = ok ? 'dot' : 'dot failed';
  item.append(label, name);
  return item;
}

function legend(last) {
  const byReplica = Map.groupBy(last, ({ replica }) => replica || 'no replica');
  return [...byReplica]
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([name, answers]) => {
      const item = document.createElement('li');
      item.dataset.tone = answers[0].tone;
      // As the dots: a response without a replica has no colour of a replica.
      if (answers[0].replica === '') item.className = 'failed';
      item.textContent = `${name} × ${answers.length}`;
      return item;
    });
}

function duration(ms) {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function amount(number, one) {
  return `${number} ${one}${number === 1 ? '' : 's'}`;
}
