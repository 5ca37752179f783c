// Makes the page's plots and filters work. Without it the page shows the same in tables.
document.documentElement.classList.add('scripted');

const plots = new Map();

for (const report of JSON.parse(document.getElementById('data').textContent)) {
  for (const element of document.querySelectorAll(`#${report.id}-plots .plot`)) followSize(element, report);
}

/** A plot is drawn once it has a width; in a folded report it has none. */
function followSize(element, report) {
  new ResizeObserver(() => {
    const plot = plots.get(element)?.plot;
    if (element.clientWidth === 0) return;
    if (plot) plot.setSize({ width: element.clientWidth, height: plot.height });
    else drawIn(element, report);
  }).observe(element);
  element.addEventListener('keydown', moveCursor);
}

function drawIn(element, report) {
  plots.set(element, { plot: drawPlots(report)(element), report });
}

function moveCursor(event) {
  const plot = plots.get(event.currentTarget)?.plot;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!plot || !step) return;
  event.preventDefault();
  const times = plot.data[0];
  const index = Math.min(times.length - 1, Math.max(0, (plot.cursor.idx ?? -1) + step));
  plot.setCursor({ left: plot.valToPos(times[index], 'x'), top: 1 }, true, true);
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const [element, { plot, report }] of plots) {
    plot.destroy();
    drawIn(element, report);
  }
});

for (const filter of document.querySelectorAll('.filter')) {
  filter.addEventListener('change', ({ target }) => {
    for (const check of filter.parentElement.querySelectorAll('.check'))
      check.hidden = target.value !== '' && check.dataset.check !== target.value;
  });
}

// A link unfolds its target (not every browser does) and clears the filter.
addEventListener('hashchange', () => {
  const target = document.getElementById(location.hash.slice(1));
  for (let fold = target?.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
  const filter = target?.closest('.violations')?.querySelector('.filter input');
  filter?.click();
  target?.scrollIntoView();
});
