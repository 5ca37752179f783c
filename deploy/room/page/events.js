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
    const refusal = await once(token, event, () => state('live')).catch(() => undefined);
    state(refusal === undefined ? 'away' : 'refused', refusal);
    await new Promise((resolve) => setTimeout(resolve, refusal === undefined ? againMs : 3 * againMs));
  }
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
  try {
    const response = await fetch('/events', { headers: { Authorization: `Bearer ${token}` }, signal: silence.signal });
    if (!response.ok) return (await response.json()).error;
    let rest = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      heard();
      const messages = (rest + chunk).split('\n\n');
      rest = messages.pop();
      for (const message of messages) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(message) ?? [];
        if (data !== undefined) event(name, JSON.parse(data));
      }
      onLive();
    }
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
