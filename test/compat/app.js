import express from 'express';

/** An application that changes its session in each way of writing a response. */
export function createApp(sessions) {
  const count = ({ session }) => {
    session.count = (session.count ?? 0) + 1;
    return session.count;
  };
  const app = express();
  app.use(sessions);
  app.get('/count', (req, res) => res.json(count(req)));
  app.get('/read', (req, res) => res.send(`read ${req.session.count ?? 0}`));
  app.get('/parts', (req, res) => {
    count(req);
    res.write('one,');
    res.end('two');
  });
  app.get('/head', (req, res) => {
    res.writeHead(201, { 'x-count': count(req) });
    res.end('head');
  });
  app.get('/redirect', (req, res) => {
    count(req);
    res.redirect('/read');
  });
  app.get('/new', (req, res, next) => req.session.regenerate((err) => (err ? next(err) : res.json(count(req)))));
  app.get('/large', (req, res) => {
    req.session.large = 'x'.repeat(1e6);
    res.send('saved');
  });
  app.use((err, _req, res, _next) => res.status(err.status ?? 500).send(err.code ?? 'error'));
  return app;
}

/** What a visitor asks for: with any sessions it gets the same. */
export const paths = ['/count', '/count', '/read', '/parts', '/head', '/redirect', '/read', '/new', '/read'];
