// The stream that says when the session has ended, wherever that happened.

/** A stream that was refused is not opened again by the browser. */
const againMs = 2000;

let source;
let followed = '';
let again;

/**
 * Follows this session, and no other; none if it is empty. Hidden tabs follow none: a browser has six connections to a site
 * without TLS. Calls `onOpen` with the name of the replica, `onEnd` when the session has ended, and `onRefused` if there is no
 * stream: then ask the page what is the matter.
 */
export function follow(session, { onOpen, onEnd, onRefused }) {
  const wanted = document.hidden ? '' : session;
  if (wanted === followed && source?.readyState !== EventSource.CLOSED) return;
  clearTimeout(again);
  source?.close();
  followed = wanted;
  if (!wanted) return;
  source = new EventSource('/events');
  source.addEventListener('end', () => {
    source.close();
    followed = '';
    onEnd();
  });
  source.addEventListener('served', ({ data }) => onOpen(JSON.parse(data).replica));
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) again = setTimeout(onRefused, againMs);
  });
}
