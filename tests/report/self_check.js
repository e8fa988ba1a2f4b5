// Put at the head of a page by the browser test: collects what goes wrong while the page runs, then looks at the finished
// page at two widths, and writes what it found as JSON into <pre id="meso-check">.
(() => {
  const problems = [], facts = {};
  addEventListener('error', event => problems.push('error: ' + (event.message || 'a resource could not be loaded')), true);
  addEventListener('unhandledrejection', event => problems.push('rejection: ' + event.reason));
  document.addEventListener('securitypolicyviolation', event => problems.push('external request: ' + event.blockedURI));
  const logged = console.error;
  console.error = (...words) => { problems.push('console: ' + words.join(' ')); logged(...words); };

  const rect = node => node.getBoundingClientRect();
  const name = node => `'${node.textContent.slice(0, 60)}'`;
  function overlaps(nodes, where) {
    const boxes = nodes.map(node => [node, rect(node)]).filter(([, b]) => b.width > 0 && b.height > 0);
    for (let i = 0; i < boxes.length; ++i)
      for (let k = i + 1; k < boxes.length; ++k) {
        const [a, p] = boxes[i], [b, q] = boxes[k];
        const w = Math.min(p.right, q.right) - Math.max(p.left, q.left), h = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        // Boxes are taller than their letters: touching by less than a quarter of the line is no overlap.
        if (w > 1.5 && h > 0.25 * Math.min(p.height, q.height, 14)) problems.push(`overlap in ${where}: ${name(a)} and ${name(b)}`);
      }
  }
  function inside(nodes, outer, where) {
    const o = rect(outer);
    for (const node of nodes) {
      const b = rect(node);
      if (b.width > 0 && (b.left < o.left - 2 || b.right > o.right + 2 || b.top < o.top - 2 || b.bottom > o.bottom + 2)) problems.push(`cut off in ${where}: ${name(node)}`);
    }
  }
  function look(width) {
    const seen = [...document.querySelectorAll('.js-plotly-plot')];
    facts['plots' + width] = seen.length;
    for (const plot of seen) {
      const title = plot.parentElement.querySelector('.bar b').textContent, where = `plot ${title} at ${width}`;
      for (const axis of ['xaxis', 'yaxis']) {
        const text = plot._fullLayout[axis].title && plot._fullLayout[axis].title.text || '';
        if (!/\S.* \([^()]+(\([^()]*\))?[^()]*\)$/.test(text)) problems.push(`no unit on the ${axis} of ${where}: '${text}'`);
        const drawn = plot.querySelector(`.${axis[0]}title`);
        if (!drawn || rect(drawn).width === 0) problems.push(`no title drawn on the ${axis} of ${where}`);
      }
      const texts = [...plot.querySelectorAll('.xtitle, .ytitle, .xtick text, .ytick text')];
      overlaps(texts, where);
      inside(texts, plot, where);
      if (rect(plot).width > rect(plot.parentElement).width + 1) problems.push(`${where} is wider than its frame`);
      for (const trace of plot.data) if (trace.judge && trace.y.every(y => y === null)) facts.empty = (facts.empty || 0) + 1;
    }
    for (const svg of document.querySelectorAll('.meso-svg')) {
      const texts = [...svg.querySelectorAll('text')];
      overlaps(texts, `${svg.getAttribute('aria-label')} at ${width}`);
      inside(texts, svg, `${svg.getAttribute('aria-label')} at ${width}`);
    }
    for (const section of document.querySelectorAll('main > section:not([hidden])'))
      overlaps([...section.querySelectorAll(':scope > .legend button, :scope > .controls label, :scope > .controls output, h2')], `section ${section.id} at ${width}`);
    const map = document.querySelector('#map:not([hidden]) .meso-svg');
    if (map && map.querySelectorAll('rect[data-v]').length > 0 && document.querySelector('#map').querySelectorAll('.axis-title').length)
      for (const title of map.querySelectorAll('.axis-title')) if (!/\)$/.test(title.textContent)) problems.push(`no unit on the map's axis: ${name(title)}`);
    facts.cells = document.querySelectorAll('#map rect[data-v]').length;
    const wide = Math.max(...[...document.querySelectorAll('main > section:not([hidden]), header')].map(node => Math.max(node.scrollWidth, rect(node).right)));
    if (wide > width + 1) problems.push(`the page is ${wide} wide at ${width}`);
  }
  const pause = ms => new Promise(done => setTimeout(done, ms));
  addEventListener('load', async () => {
    try {
      facts.ready = await window.mesoReady;
      await pause(300);
      if (innerWidth < 600) {  // a phone; the browser's own window cannot be that narrow
        document.documentElement.style.width = '390px';
        document.documentElement.style.overflowX = 'hidden';
        document.querySelectorAll('.js-plotly-plot').forEach(plot => Plotly.Plots.resize(plot));
        await pause(600);
        look(390);
      } else look(innerWidth);
      if (innerWidth > 900) {
        document.documentElement.style.width = '900px';
        document.documentElement.style.overflowX = 'hidden';
        document.querySelectorAll('.js-plotly-plot').forEach(plot => Plotly.Plots.resize(plot));
        await pause(600);
        const body = rect(document.body);
        if (body.width > 901) problems.push('the page does not shrink to 900');
        look(900);
      }
      facts.rows = document.querySelectorAll('#verdict-table tbody tr').length;
      facts.title = document.title;
      // Anything a page could load by itself.
      for (const node of document.querySelectorAll('[src], link[href], object, iframe, image')) if (!(node.getAttribute('href') || node.getAttribute('xlink:href') || '').startsWith('data:')) problems.push('external request: ' + node.outerHTML.slice(0, 80));
      for (const entry of performance.getEntriesByType('resource')) problems.push('external request: ' + entry.name);
    } catch (error) {
      problems.push('self check: ' + error.stack);
    }
    const out = document.createElement('pre');
    out.id = 'meso-check';
    out.textContent = JSON.stringify({problems, facts});
    document.body.append(out);
  });
})();
