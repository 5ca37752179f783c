import type { Express, IRoute, IRouter } from 'express';

/** A route's template, such as `/cart/items/:sku`, and its methods in lower case. */
export type Route = Pick<IRoute, 'path'> & { methods: Record<string, boolean> };

/** The routes of an app, and of the routers that it uses without a path. */
export function readRoutes({ router }: Express): Route[] {
  return router.stack.flatMap(({ route, handle }) => {
    if (route) return route as IRoute & Route;
    const { stack = [] } = handle as Partial<IRouter>;
    return stack.flatMap(({ route }) => (route ? (route as IRoute & Route) : []));
  });
}

/** The route that serves this path. */
export function findRoute(routes: Route[], path: string): Route | undefined {
  return routes.find((route) => matches(route.path, path));
}

/** As Express does: case-insensitive, with or without a trailing slash. */
function matches(template: string, path: string): boolean {
  const parts = template.toLowerCase().split('/');
  const given = path.toLowerCase().split('/');
  if (given.length > 2 && given.at(-1) === '') given.pop();
  return (
    given.length === parts.length && parts.every((part, at) => part === given[at] || (part[0] === ':' && given[at]))
  );
}
