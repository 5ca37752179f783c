// Animated requests: out to a replica and Redis, and back as a response, in proportion to the load but limited to a calm
// number. Without motion (prefers-reduced-motion) there are none: the boxes show the numbers.

import { colourOf } from './dom.js';

/** New dots per second, at most. */
const maxPerSecond = 14;
/** Requests per dot, at low load. */
const requestsPerDot = 4;
const speed = 340;
/** Requests on one side of the line, responses on the other. */
const sidePx = 3;
const radius = 2.6;

export function createDots(canvas, { connections, root }) {
  const context = canvas.getContext('2d');
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  let dots = [];
  let flow = { perSecond: 0, failing: 0, replicas: [], usesRedis: true };
  let due = 0;
  let last = 0;
  let frame = 0;
  let colours = {};

  function show(view) {
    const { users, nginx, replicas, redis, fleet } = view;
    const perSecond = Math.max(nginx.perSecond ?? 0, users.perSecond ?? 0);
    flow = {
      perSecond: Math.min(maxPerSecond, perSecond / requestsPerDot),
      failing: users.perSecond ? (users.failedPerSecond ?? 0) / users.perSecond : 0,
      replicas: nginx.answers ? replicas.filter(({ perSecond, state }) => perSecond > 0 && state === 'ready') : [],
      usesRedis: fleet?.store !== 'memory' && redis.answers,
    };
    colours = { out: colourOf('--accent'), back: colourOf('--good'), bad: colourOf('--bad') };
    if (still.matches) return stop();
    if (!frame) {
      last = performance.now();
      frame = requestAnimationFrame(draw);
    }
  }

  function stop() {
    cancelAnimationFrame(frame);
    frame = 0;
    dots = [];
    context.clearRect(0, 0, canvas.width, canvas.height);
  }

  function draw(now) {
    const seconds = Math.min(0.1, (now - last) / 1000); // after a hidden tab, skip what was missed
    last = now;
    due += flow.perSecond * seconds;
    for (; due >= 1; due -= 1) begin();
    const { width, height } = resize();
    context.clearRect(0, 0, width, height);
    dots = dots.filter((dot) => move(dot, speed * seconds));
    frame = dots.length > 0 || flow.perSecond > 0 ? requestAnimationFrame(draw) : 0;
  }

  function begin() {
    const isFailing = Math.random() < flow.failing;
    const replica = choose();
    const asks = replica && flow.usesRedis && !isFailing;
    const out = ['users', ...(replica ? [`to ${replica}`] : []), ...(asks ? [`from ${replica}`] : [])];
    const legs = [
      ...out.map((name) => ({ name, back: false })),
      ...out.toReversed().map((name) => ({ name, back: true })),
    ];
    dots.push({ legs, at: 0, isFailing });
  }

  /** Picks a replica in proportion to its request rate. */
  function choose() {
    let left = Math.random() * flow.replicas.reduce((sum, { perSecond }) => sum + perSecond, 0);
    const chosen = flow.replicas.find(({ perSecond }) => {
      left -= perSecond;
      return left < 0;
    });
    return chosen?.name;
  }

  /** @returns false once it is back */
  function move(dot, px) {
    dot.at += px;
    let [leg] = dot.legs;
    let line = leg && connections.get(leg.name);
    while (line && dot.at > line.length) {
      dot.at -= line.length;
      dot.legs.shift();
      [leg] = dot.legs;
      line = leg && connections.get(leg.name);
    }
    if (!line) return false;
    paint(line, leg.back ? line.length - dot.at : dot.at, leg.back, dot.isFailing);
    return true;
  }

  function paint({ points, length }, at, isBack, isFailing) {
    const place = (at / length) * (points.length - 1);
    const index = Math.min(points.length - 2, Math.max(0, Math.floor(place)));
    const [from, to] = [points[index], points[index + 1]];
    const part = place - index;
    const dx = to.x - from.x;
    const dy = to.y - from.y;
    const side = ((isBack ? 1 : -1) * sidePx) / (Math.hypot(dx, dy) || 1);
    context.fillStyle = isBack ? (isFailing ? colours.bad : colours.back) : colours.out;
    context.beginPath();
    context.arc(from.x + dx * part - dy * side, from.y + dy * part + dx * side, radius, 0, 2 * Math.PI);
    context.fill();
  }

  function resize() {
    const { clientWidth: width, clientHeight: height } = root;
    const scale = devicePixelRatio;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      context.setTransform(scale, 0, 0, scale, 0, 0);
    }
    return { width, height };
  }

  still.addEventListener('change', () => still.matches && stop());
  return { show, stop };
}
