/** A visitor's browser: it keeps cookies, and does not follow redirects. */
export function createBrowser(port) {
  const jar = new Map();
  return {
    get cookie() {
      return [...jar].map((pair) => pair.join('=')).join('; ');
    },
    set cookie(text) {
      jar.clear();
      for (const pair of text.split('; ')) jar.set(...pair.split(/=(.*)/s, 2));
    },
    /** @returns what a visitor sees; JSON is parsed */
    async send(method, path, { body, headers = {} } = {}) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        body,
        headers: { ...(this.cookie && { cookie: this.cookie }), ...headers },
        redirect: 'manual',
        signal: AbortSignal.timeout(5000),
      });
      for (const line of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        if (value === '' || /Expires=Thu, 01 Jan 1970/.test(line)) jar.delete(name);
        else jar.set(name, value);
      }
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json');
      const location = response.headers.get('location');
      return { status: response.status, ...(location && { location }), body: isJson ? JSON.parse(text) : text };
    },
    get(path) {
      return this.send('GET', path);
    },
    form(path, fields) {
      return this.send('POST', path, { body: new URLSearchParams(fields) });
    },
  };
}
