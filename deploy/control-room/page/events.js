// The room's event stream, over fetch: EventSource cannot send a header, and a token in a URL ends up in logs.

/** The room sends an update every second; after this silence the connection counts as lost. */
const silenceMs = 6000;
const reconnectMs = 1000;

/**
 * Listens, and reconnects when the stream ends. Calls `event` with the name and data of each event, and `state` with 'live',
 * 'away', or 'refused' and the reason.
 */
export async function listen(token, { event, state }) {
  for (;;) {
    await visible(); // browsers limit connections per host, and a hidden page needs none
    const refusal = await once(token, event, () => state('live')).catch(() => undefined);
    if (document.visibilityState === 'hidden') continue; // a hidden page shows no state
    state(refusal === undefined ? 'away' : 'refused', refusal);
    await new Promise((resolve) => setTimeout(resolve, refusal === undefined ? reconnectMs : 3 * reconnectMs));
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

/** @returns why the room refused; undefined if the stream ended */
async function once(token, event, onLive) {
  const silence = new AbortController();
  let timer;
  const resetTimer = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  resetTimer();
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
      resetTimer();
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
