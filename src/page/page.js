// The visitor's page. It counts what this session has outlived in the browser: a read writes nothing on the server.
const $ = (id) => document.getElementById(id);
const seen = JSON.parse(sessionStorage.getItem('seen') ?? '{"session":null,"requests":0,"starts":{},"last":[]}');

async function call(method, path, body) {
  const headers = body && { 'Content-Type': 'application/json' };
  // The key makes a change safe to repeat: nginx sends it to another replica when one dies under it.
  if (method === 'POST' && headers) headers['Idempotency-Key'] = crypto.randomUUID();
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const answer = response.status === 204 ? null : await response.json();
  const replica = response.headers.get('X-Served-By');
  if (replica) remember(replica);
  if (!response.ok) throw new Error(answer.detail ?? answer.title);
  return answer;
}

function remember(replica) {
  seen.requests += 1;
  seen.last = [...seen.last, replica].slice(-20);
  seen.starts[replica] ??= [];
}

/** Runs an action of the visitor's, then shows everything anew; a refusal is shown in words. */
async function act(action) {
  $('problem').hidden = true;
  try {
    await action?.();
    await show();
  } catch (error) {
    $('problem').textContent = error.message;
    $('problem').hidden = false;
  }
}

async function show() {
  const whoami = await call('GET', '/whoami');
  const { items } = await call('GET', '/cart');
  const sessions = whoami.user ? (await call('GET', '/sessions')).sessions : [];
  $('who').textContent = whoami.user ? `You are ${whoami.user.name}.` : 'You are not logged in.';
  $('logged-in').hidden = !whoami.user;
  $('logged-out').hidden = Boolean(whoami.user);
  $('replica').textContent = whoami.replica;
  fill('cart', items, ({ sku, quantity }) => [`${quantity} × ${sku} `, endButton('Remove', sku, `/cart/items/${sku}`)]);
  fill('sessions', sessions, ({ id, current, lastSeenAt, userAgent }) => [
    `${current ? 'Here' : (userAgent ?? 'Elsewhere')}, last seen ${new Date(lastSeenAt).toLocaleTimeString()} `,
    endButton('End', current ? 'this session' : id, `/sessions/${id}`),
  ]);
  showOutlived(whoami);
}

function showOutlived({ replica, startedAt, session }) {
  if (seen.session !== (session?.id ?? null))
    Object.assign(seen, { session: session?.id ?? null, requests: 0, starts: {} });
  seen.starts[replica] ??= [];
  const starts = seen.starts[replica];
  if (!starts.includes(startedAt)) starts.push(startedAt);
  sessionStorage.setItem('seen', JSON.stringify(seen));
  fill(
    'dots',
    seen.last,
    (name) => [name.split('-').at(-1).slice(0, 4)],
    (item, name) => {
      item.title = name;
      item.style.setProperty(
        '--hue',
        [...name].reduce((hue, letter) => (hue * 31 + letter.charCodeAt(0) * 137) % 360, 7),
      );
    },
  );
  const replicas = Object.keys(seen.starts).length;
  const restarts = Object.values(seen.starts).reduce((sum, list) => sum + Math.max(0, list.length - 1), 0);
  const minutes = session ? Math.floor((Date.now() - new Date(session.createdAt)) / 60_000) : 0;
  $('outlived').textContent = session
    ? `This session has lived ${minutes} min, through ${seen.requests} requests, ${replicas} replicas and ${restarts} restarts.`
    : 'Nothing is stored for you yet.';
}

function fill(id, rows, parts, decorate = () => {}) {
  const items = rows.map((row) => {
    const item = document.createElement('li');
    item.append(...parts(row));
    decorate(item, row);
    return item;
  });
  $(id).replaceChildren(...items);
}

function endButton(label, what, path) {
  const button = document.createElement('button');
  button.textContent = label;
  button.setAttribute('aria-label', `${label} ${what}`);
  button.addEventListener('click', () => act(() => call('DELETE', path)));
  return button;
}

function onSubmit(id, action) {
  $(id).addEventListener('submit', (event) => {
    event.preventDefault();
    act(() => action(Object.fromEntries(new FormData(event.target))));
  });
}

onSubmit('login', ({ name }) => call('POST', '/login', { name }));
onSubmit('add', ({ sku }) => call('POST', '/cart/items', { sku, quantity: 1 }));
$('again').addEventListener('click', () => act());
$('logout').addEventListener('click', () => act(() => call('POST', '/logout')));
$('logout-everywhere').addEventListener('click', () => act(() => call('DELETE', '/sessions')));
act();
