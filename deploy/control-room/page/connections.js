// The lines that requests follow: from the users to nginx, to each replica, and on to Redis. They connect the boxes
// wherever those are: side by side on a wide page, stacked on a narrow one.

const svg = 'http://www.w3.org/2000/svg';
const stepPx = 4;

export function createConnections(root) {
  const layer = root.querySelector('.connections');
  const node = (id) => root.querySelector(`#${id}`);
  let paths = new Map();
  let view;
  let drawn = '';

  /** Draws again only if a box was moved, added or removed. */
  function draw() {
    if (!view) return;
    const frame = root.getBoundingClientRect();
    const box = (element) => {
      const { left, top, width, height } = element.getBoundingClientRect();
      return {
        left: left - frame.left,
        top: top - frame.top,
        right: left - frame.left + width,
        bottom: top - frame.top + height,
        x: left - frame.left + width / 2,
        y: top - frame.top + height / 2,
      };
    };
    const [users, nginx, redis] = ['users', 'nginx', 'redis'].map((id) => box(node(id)));
    const isWide = redis.left > nginx.right;
    const replicas = [...root.querySelectorAll('.replica')].map((element) => [element.dataset.key, box(element)]);
    const wanted = new Map([['users', across(users, nginx)]]);
    for (const [name, replica] of replicas) {
      wanted.set(`to ${name}`, isWide ? across(nginx, replica) : gutter(nginx, replica, 'left', frame.width));
      wanted.set(`from ${name}`, isWide ? across(replica, redis) : gutter(redis, replica, 'right', frame.width));
    }
    const key = JSON.stringify([...wanted]);
    if (key === drawn) return;
    drawn = key;
    layer.setAttribute('viewBox', `0 0 ${frame.width} ${frame.height}`);
    layer.replaceChildren();
    paths = new Map([...wanted].map(([name, d]) => [name, sample(name, d)]));
  }

  function sample(name, d) {
    const path = document.createElementNS(svg, 'path');
    path.setAttribute('d', d);
    path.dataset.connection = name;
    layer.append(path);
    const length = path.getTotalLength();
    const count = Math.max(2, Math.ceil(length / stepPx));
    const points = Array.from({ length: count + 1 }, (_, index) => path.getPointAtLength((length * index) / count));
    return { length, points };
  }

  /** A connection to a part that does not answer is greyed. */
  function colour() {
    const state = new Map(view.replicas.map((replica) => [replica.name, replica.state]));
    for (const path of layer.children) {
      const [, end, name] = /^(to|from) (.*)$/.exec(path.dataset.connection) ?? [];
      const isDead = name !== undefined && ['down', 'paused'].includes(state.get(name));
      const isCut = end === 'from' && (!view.redis.answers || view.fleet?.store === 'memory');
      path.classList.toggle('off', isDead || isCut || (end !== 'from' && !view.nginx.answers));
    }
  }

  new ResizeObserver(() => draw()).observe(root);
  return {
    update(newView) {
      view = newView;
      draw();
      colour();
    },
    /** The points and the length of a connection. */
    get: (name) => paths.get(name),
  };
}

function across(from, to) {
  const bend = (to.left - from.right) * 0.55;
  return `M${from.right} ${from.y}C${from.right + bend} ${from.y} ${to.left - bend} ${to.y} ${to.left} ${to.y}`;
}

/** Along the page's edge and into the box from its side: towards Redis on the right, from nginx on the left. */
function gutter(part, replica, side, width) {
  const isLeft = side === 'left';
  const x = isLeft ? 7 : width - 7;
  const turn = isLeft ? 10 : -10;
  const edge = replica[side];
  if (isLeft) {
    const start = part.left + 24;
    return `M${start} ${part.bottom}q0 8 -8 8L${x + turn} ${part.bottom + 8}q${-turn} 0 ${-turn} 10L${x} ${replica.y - 10}q0 10 ${turn} 10L${edge} ${replica.y}`;
  }
  const end = part.right - 24;
  return `M${edge} ${replica.y}L${x + turn} ${replica.y}q${-turn} 0 ${-turn} 10L${x} ${part.top - 18}q0 10 ${turn} 10L${end + 8} ${part.top - 8}q-8 0 -8 8`;
}
