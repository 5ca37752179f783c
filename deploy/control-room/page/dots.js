// Requests that go round: out to a replica and to Redis, and back as an answer. There are as many as is calm to look at,
// in proportion; those who want no motion get none, for the boxes say it in figures.

/** New ones a second, at most. */
const mostPerSecond = 14;
/** One dot stands for so many requests, where there are few. */
const fewPerDot = 4;
const speed = 340;
/** Out on one side of the way, back on the other. */
const sidePx = 3;
const radius = 2.6;

export function createDots(canvas, { ways, root }) {
  const context = canvas.getContext('2d');
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  let dots = [];
  let flow = { perSecond: 0, failing: 0, replicas: [], usesRedis: true };
  let [due, last, frame] = [0, 0, 0];
  let colours = {};

  function show(view) {
    const { visitors, nginx, replicas, redis, fleet } = view;
    const perSecond = Math.max(nginx.perSecond ?? 0, visitors.perSecond ?? 0);
    flow = {
      perSecond: Math.min(mostPerSecond, perSecond / fewPerDot),
      failing: visitors.perSecond ? (visitors.failedPerSecond ?? 0) / visitors.perSecond : 0,
      replicas:
        nginx.state === 'up' ? replicas.filter(({ perSecond, state }) => perSecond > 0 && state === 'ready') : [],
      usesRedis: fleet?.store !== 'memory' && redis.state === 'up',
    };
    const style = getComputedStyle(root);
    colours = {
      out: style.getPropertyValue('--accent'),
      back: style.getPropertyValue('--good'),
      bad: style.getPropertyValue('--bad'),
    };
    if (still.matches) return stop();
    if (!frame) {
      last = performance.now();
      frame = requestAnimationFrame(draw);
    }
  }

  function stop() {
    cancelAnimationFrame(frame);
    [frame, dots] = [0, []];
    context.clearRect(0, 0, canvas.width, canvas.height);
  }

  function draw(now) {
    const seconds = Math.min(0.1, (now - last) / 1000); // after a hidden tab, none of what was missed
    last = now;
    due += flow.perSecond * seconds;
    for (; due >= 1; due -= 1) begin();
    const { width, height } = follow();
    context.clearRect(0, 0, width, height);
    dots = dots.filter((dot) => move(dot, speed * seconds));
    frame = dots.length > 0 || flow.perSecond > 0 ? requestAnimationFrame(draw) : 0;
  }

  function begin() {
    const isFailing = Math.random() < flow.failing;
    const replica = choose();
    const asks = replica && flow.usesRedis && !isFailing;
    const out = ['visitors', ...(replica ? [`to ${replica}`] : []), ...(asks ? [`from ${replica}`] : [])];
    const legs = [...out.map((way) => ({ way, back: false })), ...out.toReversed().map((way) => ({ way, back: true }))];
    dots.push({ legs, at: 0, isFailing });
  }

  /** In proportion to what each answers. */
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
    let way = leg && ways.get(leg.way);
    while (way && dot.at > way.length) {
      dot.at -= way.length;
      dot.legs.shift();
      [leg] = dot.legs;
      way = leg && ways.get(leg.way);
    }
    if (!way) return false;
    paint(way, leg.back ? way.length - dot.at : dot.at, leg.back, dot.isFailing);
    return true;
  }

  function paint({ points, length }, at, isBack, isFailing) {
    const place = (at / length) * (points.length - 1);
    const index = Math.min(points.length - 2, Math.max(0, Math.floor(place)));
    const [from, to] = [points[index], points[index + 1]];
    const part = place - index;
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const side = ((isBack ? 1 : -1) * sidePx) / (Math.hypot(dx, dy) || 1);
    context.fillStyle = isBack ? (isFailing ? colours.bad : colours.back) : colours.out;
    context.beginPath();
    context.arc(from.x + dx * part - dy * side, from.y + dy * part + dx * side, radius, 0, 2 * Math.PI);
    context.fill();
  }

  function follow() {
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
