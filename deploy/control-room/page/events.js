// The room's events, over fetch: EventSource cannot send a header, and a token in an address ends up in logs.

/** The room sends something every second: so long a silence is an end. */
const silenceMs = 6000;
const againMs = 1000;

/**
 * Listens, and begins again where it breaks off.
 * @param on what is called with the name and the data of each event; `state`, with 'live', 'away' or the words of a refusal
 */
export async function listen(token, { event, state }) {
  for (;;) {
    await visible(); // a browser has few connections to one place, and a page that nobody sees needs none
    const refusal = await once(token, event, () => state('live')).catch(() => undefined);
    if (document.visibilityState === 'hidden') continue; // nobody is there to be told
    state(refusal === undefined ? 'away' : 'refused', refusal);
    await new Promise((resolve) => setTimeout(resolve, refusal === undefined ? againMs : 3 * againMs));
  }
}

function visible() {
  return new Promise((resolve) => {
    const look = () => {
      if (document.visibilityState === 'hidden') return;
      document.removeEventListener('visibilitychange', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    look();
  });
}

/** @returns why the room does not answer, in its words; undefined where it broke off */
async function once(token, event, onLive) {
  const silence = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  heard();
  const hide = () => document.visibilityState === 'hidden' && silence.abort();
  document.addEventListener('visibilitychange', hide);
  try {
    const response = await fetch('/events', { headers: { Authorization: `Bearer ${token}` }, signal: silence.signal });
    if (!response.ok) return (await response.json()).error;
    let rest = '';
    const reader = response.body.getReader(); // Safari cannot iterate over a stream
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      const chunk = decoder.decode(value, { stream: true });
      heard();
      const messages = (rest + chunk).split('\n\n');
      rest = messages.pop();
      for (const message of messages) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/s.exec(message) ?? [];
        if (data !== undefined) event(name, JSON.parse(data));
      }
      onLive();
    }
  } finally {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', hide);
  }
}
