// The page of a study: draws curves, discrepancies, distributions, orders and the table of verdicts from the JSON in #data.
//
// D.points[i] = {x: [swept values], l: [level, ...]}; a level is {l: index into D.levels, e: estimates, p: sample paths
// [signal, trajectory, values], f: flags [kind, observable, text, where, fatal], ss: steady states [values, reached, stable,
// physical]}. An estimate is {o: observable, a: axes, v: values (row-major), s: standard errors, b: numerical bounds,
// c: bound certified, n: trajectories, d: is a distribution}. Texts and axes are indices into D.texts and D.axes.
// A verdict is [point, level, observable, outcome, low, high, where, margin, scale, quantile, quantile to disagree, look,
// needed, reason, remarks, order check]. A level's portraits are pt: {name, title, unit, a: [row axis, column axis], c:
// categories, z: rows}. D.diagrams[i] = {l: level, parameter, log, b: [{x, k: s/u/n for each point, v: by observable, s: special points}]}.
'use strict';
(() => {
const D = JSON.parse(document.getElementById('data').textContent);
const V = {point: 0, level: 1, obs: 2, outcome: 3, low: 4, high: 5, where: 6, margin: 7, scale: 8, q: 9, qd: 10, look: 11, needed: 12, reason: 13, remarks: 14, order: 15};
const $ = (selector, root = document) => root.querySelector(selector);
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in node && name !== 'list') node[name] = value; else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
};
const number = (x, digits = 4) => x === null || x === undefined || !Number.isFinite(x) ? '?' : String(Number(x.toPrecision(digits)));
const withUnit = (name, unit) => `${name} (${!unit || unit === '1' ? 'dimensionless' : unit})`;
const escape = text => String(text).replace(/[&<>]/g, c => ({'&': '&amp;', '<': '&lt;', '>': '&gt;'}[c]));
const plain = text => escape(text);          // Plotly reads a little HTML in its texts
const commas = n => Math.ceil(n).toLocaleString('en-US');
const range = n => [...Array(n).keys()];

// Lines: Okabe-Ito colours, and a dash and a marker of its own for each level, so that colour is never alone.
const colours = ['#0072B2', '#D55E00', '#CC79A7', '#E69F00', '#009E73', '#56B4E9', '#7F5539', '#6A3D9A'];
const dashes = ['solid', 'dash', 'dot', 'dashdot', 'longdash', 'longdashdot'];
const markers = ['circle', 'square', 'diamond', 'triangle-up', 'cross', 'triangle-down', 'star', 'hexagon'];
let free = 0, freeReference = 0;
const styles = D.levels.map(level => {
  if (level.ref && freeReference++ === 0) return {colour: '#000000', dash: 'solid', marker: 'circle-open', width: 2.6};
  const k = free++;
  return {colour: colours[k % colours.length], dash: dashes[(k + (k >= colours.length ? 1 : 0)) % dashes.length], marker: markers[k % markers.length], width: 2};
});
const shade = (colour, alpha) => `rgba(${[1, 3, 5].map(i => parseInt(colour.slice(i, i + 2), 16)).join(',')},${alpha})`;

// Verdicts by point, level and observable.
const verdictAt = new Map();
D.verdicts.forEach((v, i) => verdictAt.set(`${v[0]},${v[1]},${v[2]}`, i));
const verdict = (point, level, obs) => D.verdicts[verdictAt.get(`${point},${level},${obs}`)];
// The band of a level is drawn at the quantile its verdict used; the reference's at the largest of its verdicts there.
const bandQuantile = (point, level, obs) => {
  const own = verdict(point, level, obs);
  if (own && own[V.q] > 0) return own[V.q];
  let q = 0;
  for (const l of range(D.levels.length)) { const v = verdict(point, l, obs); if (v && v[V.q] > q) q = v[V.q]; }
  return q || 3;
};
const placeOf = point => D.sweep.map((s, k) => `${s.name} = ${typeof D.points[point].x[k] === 'number' ? number(D.points[point].x[k]) : D.points[point].x[k]}`).join(', ');

// ---- plots --------------------------------------------------------------------------------------------------------------
const all = [];                               // every plot: {node, labels of traces}
const axisStyle = {showline: true, linecolor: '#444', ticks: 'outside', tickcolor: '#444', gridcolor: '#ececec', zeroline: false, automargin: true, exponentformat: 'power'};
const titled = text => ({text: plain(text), font: {size: 13}, standoff: 8});
const config = {responsive: true, displaylogo: false, modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d'], toImageButtonOptions: {format: 'svg'}};

function box(section, title) {
  const canvas = make('div', {className: 'canvas'}), say = make('div', {className: 'say'}), right = make('span');
  const node = make('div', {className: 'plot'}, make('div', {className: 'bar'}, make('b', {textContent: title}), right), canvas, say);
  $('.plots', section).append(node);
  return {node, canvas, say, right, section, log: null};
}

const hidden = new Map();                     // section id -> set of hidden levels
function draw(plot, traces, layout) {
  const off = hidden.get(plot.section.id) || new Set();
  plot.traces = traces;
  for (const t of traces) t.visible = !off.has(t.meta);
  const full = {
    margin: {l: 66, r: 16, t: 8, b: 52}, font: {family: 'Helvetica, Arial, Liberation Sans, sans-serif', size: 12, color: '#1b1b1b'}, paper_bgcolor: '#fff', plot_bgcolor: '#fff',
    showlegend: false, hovermode: 'closest', hoverlabel: {align: 'left', namelength: -1}, barmode: 'overlay', ...layout,
    xaxis: {...axisStyle, ...layout.xaxis}, yaxis: {...axisStyle, ...layout.yaxis},
  };
  // Broken levels are marked along the bottom edge, on an axis of their own.
  full.yaxis2 = {overlaying: 'y', range: [0, 1], visible: false, fixedrange: true};
  for (const [key, letter] of [['xaxis', 'x'], ['yaxis', 'y']])
    if (full[key].type === 'log') Object.assign(full[key], logTicks(...(full[key].range || logRange(traces, letter)), letter === 'x' ? 8 : 6));
  Plotly.react(plot.canvas, traces, full, config);
  if (!all.includes(plot)) {
    all.push(plot);
    plot.canvas.on('plotly_relayout', () => fitTicks(plot));
  }
  fitTicks(plot);
}
// Zooming, and error bars that reach further than the values, ask for other ticks.
function fitTicks(plot) {
  const change = {};
  for (const [key, most] of [['xaxis', 8], ['yaxis', 6]]) {
    const axis = plot.canvas._fullLayout[key];
    if (axis.type !== 'log') continue;
    const ticks = logTicks(...axis.range, most), had = plot.canvas.layout[key];
    if ((ticks.tickvals || []).join() === (had.tickvals || []).join() && ticks.tickmode === had.tickmode) continue;
    change[key + '.tickmode'] = ticks.tickmode;
    if (ticks.tickvals) { change[key + '.tickvals'] = ticks.tickvals; change[key + '.ticktext'] = ticks.ticktext; }
  }
  if (Object.keys(change).length && !plot.fitting) {
    plot.fitting = true;
    Plotly.relayout(plot.canvas, change).finally(() => { plot.fitting = false; });
  }
}
// Labels of a logarithmic axis over 10^lo .. 10^hi: powers of ten, thinned where there are many; 1, 2, 5 or every digit
// where there are few; round steps within a digit.
function logTicks(lo, hi, most) {
  const span = hi - lo, vals = [];
  if (!(span > 1e-9) || !(Math.abs(lo) < 300 && Math.abs(hi) < 300)) return {tickmode: 'auto'};  // beyond what steps can resolve
  if (span > 2.2) {
    const step = Math.ceil(span / most);
    for (let e = Math.ceil(lo - 1e-9); e <= hi + 1e-9; ++e) if (e % step === 0) vals.push(10 ** e);
  } else if (span > 0.35) {
    for (let e = Math.floor(lo); e <= hi; ++e) for (const m of span > 0.9 ? [1, 2, 5] : [1, 2, 3, 4, 5, 7]) { const v = m * 10 ** e; if (Math.log10(v) >= lo - 1e-9 && Math.log10(v) <= hi + 1e-9) vals.push(v); }
  } else {
    const a = 10 ** lo, b = 10 ** hi, raw = (b - a) / 4, power = 10 ** Math.floor(Math.log10(raw)), step = power * ([1, 2, 5, 10].find(m => m * power >= raw));
    for (let k = Math.ceil(a / step); k * step <= b; ++k) vals.push(k * step);
  }
  const power = v => { const e = Math.round(Math.log10(v)); return Math.abs(Math.log10(v) - e) < 1e-9 && (e > 4 || e < -3) ? `10<sup>${e}</sup>` : null; };
  return {tickmode: 'array', tickvals: vals, ticktext: vals.map(v => power(v) || number(v, span > 0.35 ? 2 : 6).replace('-', '−'))};
}
function logRange(traces, letter) {
  let lo = Infinity, hi = 0;
  for (const t of traces) if (t.judge || t.yaxis !== 'y2') for (const v of t[letter] || []) if (v > 0) { lo = Math.min(lo, v); hi = Math.max(hi, v); }
  if (!(hi > 0)) return [0, 1];
  const room = Math.max(0.06 * Math.log10(hi / lo), 0.02);
  return [Math.log10(lo) - room, Math.log10(hi) + room];
}
const valuesOf = traces => traces.flatMap(t => t.judge ? t.y.filter(y => y !== null) : []);
// Logarithmic by itself where everything is positive and spans more than a factor of fifty; the reader may switch.
function logByItself(traces) {
  const ys = valuesOf(traces);
  let lo = Infinity, hi = -Infinity;
  for (const y of ys) { if (y < lo) lo = y; if (y > hi) hi = y; }
  return lo > 0 && hi > 50 * lo;
}
function logSwitch(plot, redraw, traces) {
  if (plot.log === null) plot.log = logByItself(traces);
  if (plot.right.childNodes.length) return;
  const tick = make('input', {type: 'checkbox', checked: plot.log});
  tick.addEventListener('change', () => { plot.log = tick.checked; redraw(); });
  plot.right.append(make('label', {}, tick, ' log y'));
}

function sample(level) {                      // a legend's little line
  const s = styles[level], dash = {solid: '', dash: '7 4', dot: '2 3', dashdot: '7 3 2 3', longdash: '10 4', longdashdot: '10 3 2 3'}[s.dash];
  const shapes = {circle: '<circle cx="16" cy="7" r="3.6"/>', 'circle-open': '<circle cx="16" cy="7" r="3.6" fill="#fff"/>', square: '<rect x="12.5" y="3.5" width="7" height="7"/>',
    diamond: '<path d="M16 2.5L20.5 7L16 11.5L11.5 7z"/>', 'triangle-up': '<path d="M16 2.6L20 10H12z"/>', cross: '<path d="M12 7H20M16 3V11" stroke-width="3"/>', 'triangle-down': '<path d="M16 11.4L20 4H12z"/>',
    star: '<path d="M16 2l1.5 3.5 3.7.3-2.9 2.4 1 3.7-3.3-2-3.3 2 1-3.7-2.9-2.4 3.7-.3z"/>', hexagon: '<path d="M12.5 5l3.5-2 3.5 2v4l-3.5 2-3.5-2z"/>'};
  return `<svg width="32" height="14" aria-hidden="true" stroke="${s.colour}" fill="${s.colour}"><path d="M0 7H32" stroke-width="${s.width}" stroke-dasharray="${dash}"/>${shapes[s.marker]}</svg>`;
}
function legend(section, levels) {
  const place = $('.legend', section), off = new Set();
  hidden.set(section.id, off);
  for (const l of levels) {
    const button = make('button', {type: 'button', title: 'show or hide', innerHTML: sample(l) + escape(D.levels[l].label) + (D.levels[l].ref ? ' (reference)' : '')});
    button.setAttribute('aria-pressed', 'true');
    button.addEventListener('click', () => {
      off.has(l) ? off.delete(l) : off.add(l);
      button.setAttribute('aria-pressed', String(!off.has(l)));
      for (const plot of all.filter(p => p.section === section)) Plotly.restyle(plot.canvas, {visible: plot.traces.map(t => !off.has(t.meta))});
    });
    place.append(button);
  }
}

// A slider with buttons over `items` (texts); calls back with the index.
function slider(place, name, items, start, changed) {
  if (items.length < 2) return {set() {}};
  const input = make('input', {type: 'range', min: 0, max: items.length - 1, step: 1, value: start}), text = make('output', {textContent: items[start]});
  const back = make('button', {type: 'button', textContent: '‹', title: 'previous'}), on = make('button', {type: 'button', textContent: '›', title: 'next'});
  const set = i => { i = Math.max(0, Math.min(items.length - 1, i)); input.value = i; text.textContent = items[i]; changed(i); };
  input.addEventListener('input', () => set(Number(input.value)));
  back.addEventListener('click', () => set(Number(input.value) - 1));
  on.addEventListener('click', () => set(Number(input.value) + 1));
  place.append(make('label', {}, name + ' ', back, input, on), text);
  return {set};
}

// ---- estimates ----------------------------------------------------------------------------------------------------------
const at = (e, key, i) => e[key] ? e[key][i] : 0;
const estimatesOf = (point, obs) => D.points[point].l.flatMap(level => level.e.filter(e => e.o === obs && (e.a || []).length && e.v.length).map(e => ({level: level.l, own: level, e})));
function errorText(e, i, q) {
  const parts = [];
  if (e.s) parts.push(`standard error ${number(e.s[i], 3)} (${number(q, 3)} of them drawn)`);
  if (e.b) parts.push(`numerical bound ${number(e.b[i], 2)}, ${e.c ? 'certified' : 'estimated'}`);
  if (e.n) parts.push(`${commas(e.n)} trajectories`);
  return parts.join('<br>');
}
const verdictText = v => v ? `<br>${D.outcomes[v[V.outcome]].word}` + (v[V.low] !== null ? `, discrepancy/margin [${number(v[V.low], 2)}, ${number(v[V.high], 2)}]` : '') : '';

// Which observables are curves, numbers or distributions, seen over all points.
const kinds = new Map();
for (const p of D.points) for (const l of p.l) for (const e of l.e) {
  const kind = e.d ? 'distribution' : (e.a || []).length ? 'curve' : 'number';
  if (kind !== 'number' || !kinds.has(e.o)) kinds.set(e.o, kind);
}
const ofKind = kind => range(D.observables.length).filter(o => kinds.get(o) === kind);
const levelsWith = obs => range(D.levels.length).filter(l => D.points.some(p => p.l.some(x => x.l === l && x.e.some(e => obs.includes(e.o)))));
const observableTitle = o => withUnit(D.observables[o].name, D.observables[o].unit);

// Error bars up to 100 points; a band where there are more, which is easier to read and much lighter.
const manyPoints = 100;
function bandOf(level, x, low, high) {
  const bands = [];
  let run = [];
  const flush = () => {
    if (run.length > 1) bands.push({x: [...run.map(i => x[i]), ...run.map(i => x[i]).reverse()], y: [...run.map(i => high[i]), ...run.map(i => low[i]).reverse()], type: 'scatter', mode: 'lines', line: {width: 0},
      fill: 'toself', fillcolor: shade(styles[level].colour, 0.22), hoverinfo: 'skip', meta: level});
    run = [];
  };
  range(x.length).forEach(i => Number.isFinite(low[i]) && Number.isFinite(high[i]) && low[i] !== null && high[i] !== null ? run.push(i) : flush());
  flush();
  return bands;
}

function brokenMarks(level, xs, texts, slot) {
  return {x: xs, y: xs.map(() => 0.03 + 0.05 * slot), yaxis: 'y2', mode: 'markers', type: 'scatter', meta: level, hoverinfo: 'text', text: texts,
    marker: {symbol: 'x', size: 7, color: styles[level].colour, line: {color: '#000', width: 1}}};
}

// Curves of one point: bands below, sample paths, lines on top.
function curveTraces(point, obs, slice) {
  const below = [], paths = [], lines = [], marks = [];
  let slot = 0;
  const name = D.observables[obs].name;
  for (const {level, own, e} of estimatesOf(point, obs)) {
    const axis = D.axes[e.a[e.a.length - 1]], n = axis.x.length, first = Math.min(slice, e.v.length / n - 1) * n, s = styles[level], q = bandQuantile(point, level, obs);
    const index = range(n).map(i => first + i), y = index.map(i => e.v[i]);
    const plus = (i, half) => e.v[i] === null || half === null ? null : e.v[i] + half;
    const band = half => below.push(...bandOf(level, axis.x, index.map(i => plus(i, -half(i))), index.map(i => plus(i, half(i)))));
    if (e.b) band(i => q * at(e, 's', i) + e.b[i]);
    if (e.s) band(i => q * e.s[i]);
    const v = verdict(point, level, obs);
    lines.push({x: axis.x, y, judge: true, type: 'scatter', mode: n > 60 ? 'lines' : 'lines+markers', meta: level, name: D.levels[level].label, line: {color: s.colour, dash: s.dash, width: s.width},
      marker: {symbol: s.marker, size: 5, color: s.colour}, connectgaps: false, hoverinfo: 'text',
      text: index.map((i, k) => `<b>${plain(D.levels[level].label)}</b> ${plain(name)} = ${number(e.v[i])}<br>${plain(axis.name)} = ${number(axis.x[k])}<br>${errorText(e, i, q)}${verdictText(v)}`)});
    for (const [signal, trajectory, values] of own.p || []) {
      const of = D.texts[signal];
      if ((of !== name && `${of}.mean` !== name) || values.length !== n) continue;
      paths.push({x: axis.x, y: values, type: 'scatter', mode: 'lines', line: {color: shade(s.colour, 0.35), width: 0.9}, hoverinfo: 'text', text: `${plain(D.levels[level].label)}, trajectory ${trajectory}`, meta: level});
    }
    const fatal = (own.f || []).filter(f => f[4] && (D.texts[f[1]] === name || D.texts[f[1]] === '') && Number.isFinite(f[3][axis.name]));
    if (fatal.length) marks.push(brokenMarks(level, fatal.map(f => f[3][axis.name]), fatal.map(f => `<b>${plain(D.levels[level].label)}</b> broken: ${plain(D.texts[f[2]])}`), slot++));
  }
  return {traces: [...paths, ...below, ...lines, ...marks], paths: paths.length};
}

// Numbers against x; `points` are in drawing order.
function numberTraces(points, xs, obs, mode) {
  const lines = [], extra = [], marks = [];
  const name = D.observables[obs].name;
  let slot = 0;
  for (const level of range(D.levels.length)) {
    const s = styles[level], t = {x: [], y: [], up: [], text: []}, other = {x: [], y: [], text: []}, bad = {x: [], text: []};
    points.forEach((p, k) => {
      const own = D.points[p].l.find(x => x.l === level), e = own && own.e.find(x => x.o === obs), v = verdict(p, level, obs);
      const where = placeOf(p);
      for (const [values, reached, stable, physical] of own && own.ss || [])
        if (!reached && stable && physical && Number.isFinite(values[name])) {
          other.x.push(xs[k]); other.y.push(values[name]); other.text.push(`<b>${plain(D.levels[level].label)}</b> another stable state: ${plain(name)} = ${number(values[name])}<br>${plain(where)}`);
        }
      if (v && D.outcomes[v[V.outcome]].word === 'broken') { bad.x.push(xs[k]); bad.text.push(`<b>${plain(D.levels[level].label)}</b> broken: ${plain(D.texts[v[V.reason]])}<br>${plain(where)}`); }
      if (!e) return;
      const q = bandQuantile(p, level, obs), half = q * at(e, 's', 0) + at(e, 'b', 0);
      t.x.push(xs[k]); t.y.push(e.v[0]); t.up.push(half);
      t.text.push(`<b>${plain(D.levels[level].label)}</b> ${plain(name)} = ${number(e.v[0])}${where ? '<br>' + plain(where) : ''}<br>${errorText(e, 0, q)}${verdictText(v)}`);
    });
    const many = mode === 'line' && t.x.length > manyPoints;
    if (many && t.up.some(u => u > 0)) extra.push(...bandOf(level, t.x, t.y.map((y, i) => y === null ? null : y - t.up[i]), t.y.map((y, i) => y === null ? null : y + t.up[i])));
    if (t.x.length) lines.push({x: t.x, y: t.y, judge: true, type: 'scatter', mode: mode === 'line' ? (many ? 'lines' : 'lines+markers') : 'markers', meta: level, name: D.levels[level].label,
      line: {color: s.colour, dash: s.dash, width: s.width}, marker: {symbol: s.marker, size: mode === 'line' ? 5.5 : 10, color: s.colour}, connectgaps: false, hoverinfo: 'text', text: t.text,
      error_y: {type: 'data', array: t.up, visible: !many && t.up.some(u => u > 0), color: s.colour, thickness: 1.2, width: 3}});
    if (other.x.length) extra.push({...other, type: 'scatter', mode: 'markers', meta: level, hoverinfo: 'text', marker: {symbol: 'circle-open', size: 8, color: s.colour}});
    if (bad.x.length) marks.push(brokenMarks(level, bad.x, bad.text, slot++));
  }
  return {traces: [...extra, ...lines, ...marks], others: extra.filter(t => t.mode === 'markers').length, broken: marks.length};
}

// How a set of numbers is laid out over the sweep: the points to draw, their abscissae and the axis.
function sweepView(k, fixed) {
  if (D.layout === 'line' || D.layout === 'grid') {
    const points = D.order.filter(p => D.layout === 'line' || D.points[p].x[1 - k] === fixed), s = D.sweep[k];
    if (D.layout === 'grid') points.sort((a, b) => D.points[a].x[k] - D.points[b].x[k]);
    return {points, xs: points.map(p => D.points[p].x[k]), axis: {title: titled(withUnit(s.name, s.unit)), type: s.log ? 'log' : 'linear'}, mode: 'line'};
  }
  return {points: D.order, xs: D.order.map(p => p + 1), axis: {title: titled('point of the sweep (number)')}, mode: 'markers'};
}
// Controls over a two-parameter grid: which parameter is drawn along x, and the value of the other.
function gridControls(place, changed) {
  if (D.layout !== 'grid') return changed(0, null);
  let k = 0;
  const values = [0, 1].map(j => [...new Set(D.points.map(p => p.x[j]))].sort((a, b) => a - b));
  const choose = make('select', {}, ...D.sweep.map((s, j) => make('option', {value: j, textContent: s.name})));
  const rest = make('span', {className: 'controls'});
  const build = () => {
    rest.replaceChildren();
    const other = values[1 - k], start = Math.floor(other.length / 2);
    slider(rest, `at ${D.sweep[1 - k].name}`, other.map(v => number(v)), start, i => changed(k, other[i]));
    changed(k, other[start]);
  };
  choose.addEventListener('change', () => { k = Number(choose.value); build(); });
  place.append(make('label', {}, 'along ', choose), rest);
  build();
}

// ---- sections -----------------------------------------------------------------------------------------------------------
let gotoPoint = () => {};

function drawCurves() {
  const section = $('#curves'), curves = ofKind('curve'), numbers = ofKind('number');
  if (!curves.length && !numbers.length) return;
  section.hidden = false;
  legend(section, levelsWith([...curves, ...numbers]));
  const words = ['Shaded bands and error bars are the sampling error at the quantile of the verdict (3 standard errors where none was asked) plus the numerical bound.'];
  const plots = new Map([...curves, ...numbers].map(o => [o, box(section, D.observables[o].name + (D.observables[o].doc ? '' : ''))]));
  for (const [o, plot] of plots) plot.node.title = D.observables[o].doc || '';
  if (curves.length) {
    words.push('Thin lines are single trajectories; a cross at the bottom edge marks where a level breaks down.');
    let point = D.order[0];
    const slices = new Map(curves.map(o => [o, 0]));
    const show = o => {
      const plot = plots.get(o), found = estimatesOf(point, o);
      const {traces, paths} = found.length ? curveTraces(point, o, slices.get(o)) : {traces: [], paths: 0};
      const axis = found.length ? D.axes[found[0].e.a[found[0].e.a.length - 1]] : {name: 't', unit: D.timeUnit};
      logSwitch(plot, () => show(o), traces);
      draw(plot, traces, {xaxis: {title: titled(withUnit(axis.name === 't' ? 'time t' : axis.name, axis.unit)), type: 'linear'}, yaxis: {title: titled(observableTitle(o)), type: plot.log ? 'log' : 'linear', exponentformat: 'power'}});
      plot.say.textContent = (paths ? `${paths} sample paths. ` : '') + findingsAt(point, o);
    };
    const texts = D.order.map(p => placeOf(p) || `point ${p + 1}`);
    const control = slider($('.controls', section), 'point', texts, 0, i => { point = D.order[i]; curves.forEach(show); states(point); });
    for (const o of curves) {
      const found = D.points.flatMap(p => p.l.flatMap(l => l.e.filter(e => e.o === o && e.a && e.a.length > 1)))[0];
      if (found) {
        const outer = found.a.slice(0, -1).map(a => D.axes[a]);
        const items = outer.reduce((list, a) => list.flatMap(text => a.x.map(x => `${text}${text ? ', ' : ''}${a.name} = ${number(x)}`)), ['']);
        const place = make('div', {className: 'controls'});
        plots.get(o).node.append(place);
        slider(place, 'at', items, 0, i => { slices.set(o, i); show(o); });
      }
    }
    curves.forEach(show);
    states(point);
    gotoPoint = p => { control.set(D.order.indexOf(p)); section.scrollIntoView({behavior: 'smooth'}); };
  }
  if (numbers.length) {
    const show = (view) => {
      for (const o of numbers) {
        const plot = plots.get(o), redraw = () => {
          const {traces, others, broken} = numberTraces(view.points, view.xs, o, view.mode);
          logSwitch(plot, redraw, traces);
          draw(plot, traces, {xaxis: view.axis, yaxis: {title: titled(observableTitle(o)), type: plot.log ? 'log' : 'linear'}});
          plot.say.textContent = (others ? 'Open circles: other stable states. ' : '') + (broken ? 'A cross at the bottom edge: broken there.' : '');
        };
        redraw();
      }
    };
    if (D.layout === 'single') {
      // One point: levels beside each other.
      for (const o of numbers) {
        const plot = plots.get(o), redraw = () => {
          const {traces} = numberTraces([0], [0], o, 'markers');
          for (const t of traces) t.x = t.x.map(() => D.levels[t.meta].label);
          logSwitch(plot, redraw, traces);
          draw(plot, traces, {xaxis: {title: titled('level (name)'), type: 'category', categoryorder: 'array', categoryarray: D.levels.map(l => l.label)}, yaxis: {title: titled(observableTitle(o)), type: plot.log ? 'log' : 'linear'}});
        };
        redraw();
      }
      states(0);
    } else {
      gridControls($('.controls', section), (k, fixed) => show(sweepView(k, fixed)));
    }
  }
  $('.how', section).textContent = words.join(' ');
}

function findingsAt(point, obs) {
  return range(D.levels.length).map(l => [l, verdict(point, l, obs)]).filter(([, v]) => v)
    .map(([l, v]) => `${D.levels[l].label} ${D.outcomes[v[V.outcome]].word}` + (v[V.low] !== null ? ` [${number(v[V.low], 2)}, ${number(v[V.high], 2)}]` : '')).join('; ');
}

// Steady states of solved levels at a point, where there is more than one.
function states(point) {
  const place = $('#curves .states');
  place.replaceChildren();
  for (const level of D.points[point].l) {
    if (!level.ss || level.ss.length < 2) continue;
    const rows = level.ss.map(([values, reached, stable, physical]) => `<tr><td>${Object.entries(values).map(([n, x]) => `${escape(n)} = ${number(x)}`).join(', ')}</td><td>${reached ? 'reached from the initial condition' : ''}</td><td>${stable ? 'stable' : 'unstable'}${physical ? '' : ', not physical'}</td></tr>`);
    place.append(make('div', {innerHTML: `<h3>Steady states of ${escape(D.levels[level.l].label)}${placeOf(point) ? ' at ' + escape(placeOf(point)) : ''}</h3><table>${rows.join('')}</table>`}));
  }
}

function drawDiscrepancy() {
  if (!D.verdicts.length || D.layout === 'single') return;
  const section = $('#discrepancy'), judged = [...new Set(D.verdicts.map(v => v[V.obs]))].sort((a, b) => a - b);
  const levels = [...new Set(D.verdicts.map(v => v[V.level]))].sort((a, b) => a - b);
  const finite = D.verdicts.filter(v => v[V.high] !== null || v[V.low] !== null);
  if (!finite.length) return;
  section.hidden = false;
  legend(section, levels);
  const floor = 0.01, plots = new Map(judged.map(o => [o, box(section, D.observables[o].name)]));
  gridControls($('.controls', section), (k, fixed) => {
    const view = sweepView(k, fixed);
    for (const o of judged) {
      const traces = [];
      let clipped = 0, slot = 0;
      const marks = [];
      for (const l of levels) {
        const t = {x: [], y: [], up: [], down: [], text: []}, bad = {x: [], text: []}, s = styles[l];
        view.points.forEach((p, i) => {
          const v = verdict(p, l, o);
          if (!v) return;
          const word = D.outcomes[v[V.outcome]].word;
          if (word === 'broken') { bad.x.push(view.xs[i]); bad.text.push(`<b>${plain(D.levels[l].label)}</b> broken: ${plain(D.texts[v[V.reason]])}<br>${plain(placeOf(p))}`); }
          if (v[V.low] === null && v[V.high] === null) return;
          let lo = v[V.low] === null ? floor : v[V.low], hi = v[V.high] === null ? lo : v[V.high];
          if (lo < floor) { lo = floor; ++clipped; }
          if (hi < floor) hi = floor;
          const middle = (lo + hi) / 2;
          t.x.push(view.xs[i]); t.y.push(middle); t.up.push(hi - middle); t.down.push(middle - lo);
          t.text.push(`<b>${plain(D.levels[l].label)}</b> ${word}<br>discrepancy/margin [${number(v[V.low], 2)}, ${number(v[V.high], 2)}]<br>${plain(placeOf(p))}${D.texts[v[V.where]] ? '<br>worst at ' + plain(D.texts[v[V.where]]) : ''}`);
        });
        const many = view.mode === 'line' && t.x.length > manyPoints;
        if (many) marks.push(...bandOf(l, t.x, t.y.map((y, i) => y - t.down[i]), t.y.map((y, i) => y + t.up[i])));
        if (t.x.length) traces.push({x: t.x, y: t.y, judge: true, type: 'scatter', mode: view.mode === 'line' ? (many ? 'lines' : 'lines+markers') : 'markers', meta: l, hoverinfo: 'text', text: t.text, line: {color: s.colour, dash: s.dash, width: 1.2},
          marker: {symbol: s.marker, size: 5, color: s.colour}, error_y: {type: 'data', symmetric: false, visible: !many, array: t.up, arrayminus: t.down, color: s.colour, thickness: 1.6, width: 2}});
        if (bad.x.length) marks.push(brokenMarks(l, bad.x, bad.text, slot++));
      }
      let top = 1;
      for (const t of traces) t.y.forEach((y, i) => { top = Math.max(top, y + t.error_y.array[i]); });
      draw(plots.get(o), [...traces, ...marks], {xaxis: view.axis, yaxis: {title: titled('|discrepancy| / margin (dimensionless)'), type: 'log', range: [Math.log10(floor) - 0.4, Math.log10(top) + 0.3]},
        shapes: [{type: 'line', xref: 'paper', x0: 0, x1: 1, y0: 1, y1: 1, line: {color: '#000', width: 1.5, dash: 'dash'}},
          {type: 'rect', xref: 'paper', x0: 0, x1: 1, yref: 'paper', y0: 0, y1: (0.4 - Math.log10(floor)) / (Math.log10(top) + 0.7 - Math.log10(floor)), fillcolor: '#009E73', opacity: 0.06, line: {width: 0}, layer: 'below'}]});
      plots.get(o).say.textContent = 'Dashed line: the margin.' + (clipped ? ` ${clipped} lower ends below ${floor} (or zero) are drawn at ${floor}.` : '') + (slot ? ' A cross at the bottom edge: broken there.' : '');
    }
  });
}

function drawDistributions() {
  const section = $('#distributions'), which = ofKind('distribution');
  if (!which.length) return;
  section.hidden = false;
  legend(section, levelsWith(which));
  const plots = new Map(which.map(o => [o, box(section, D.observables[o].name)]));
  let point = D.order[0];
  const slices = new Map(which.map(o => [o, 0]));
  const show = o => {
    const plot = plots.get(o), traces = [];
    let support = null;
    for (const {level, e} of estimatesOf(point, o)) {
      const axis = D.axes[e.a[e.a.length - 1]], n = axis.x.length, first = Math.min(slices.get(o), e.v.length / n - 1) * n, s = styles[level], q = bandQuantile(point, level, o);
      support = support || axis;
      const index = range(n).map(i => first + i), y = index.map(i => e.v[i]);
      const text = index.map((i, k) => `<b>${plain(D.levels[level].label)}</b> P(${number(axis.x[k])}) = ${number(e.v[i])}<br>${errorText(e, i, q)}`);
      if (D.levels[level].ref) traces.push({x: axis.x, y, judge: true, type: 'bar', meta: level, marker: {color: 'rgba(0,0,0,.16)', line: {color: '#000', width: n > 120 ? 0 : 0.6}}, hoverinfo: 'text', hovertext: text,
        error_y: {type: 'data', array: index.map(i => q * at(e, 's', i)), visible: !!e.s && n <= 120, thickness: 1, width: 0, color: '#000'}});
      else traces.push({x: axis.x, y, judge: true, type: 'scatter', mode: n > 60 ? 'lines' : 'lines+markers', meta: level, line: {color: s.colour, dash: s.dash, width: s.width, shape: 'hvh'}, marker: {symbol: s.marker, size: 4.5, color: s.colour}, hoverinfo: 'text', text});
    }
    if (plot.log === null) plot.log = false;
    logSwitch(plot, () => show(o), traces);
    draw(plot, traces, {xaxis: {title: titled(support ? withUnit(support.name, support.unit) : 'value (?)')}, yaxis: {title: titled('probability (dimensionless)'), type: plot.log ? 'log' : 'linear', rangemode: 'tozero'}});
    plot.say.textContent = findingsAt(point, o);
  };
  slider($('.controls', section), 'point', D.order.map(p => placeOf(p) || `point ${p + 1}`), 0, i => { point = D.order[i]; which.forEach(show); });
  for (const o of which) {
    const found = D.points.flatMap(p => p.l.flatMap(l => l.e.filter(e => e.o === o && (e.a || []).length > 1)))[0];
    if (found) {
      const items = found.a.slice(0, -1).map(a => D.axes[a]).reduce((list, a) => list.flatMap(text => a.x.map(x => `${text}${text ? ', ' : ''}${a.name} = ${number(x)}`)), ['']);
      const place = make('div', {className: 'controls'});
      plots.get(o).node.append(place);
      slices.set(o, items.length - 1);
      slider(place, 'at', items, items.length - 1, i => { slices.set(o, i); show(o); });
    }
    show(o);
  }
}

function drawOrders() {
  const section = $('#orders');
  if (!D.orders.length) return;
  section.hidden = false;
  const plots = D.orders.map(fit => box(section, `${fit.label}  ${fit.observable}`));  // all boxes first: each changes the width of the others
  for (const [at, fit] of D.orders.entries()) {
    const plot = plots[at], level = D.levels.findIndex(l => l.label === fit.label), s = styles[Math.max(level, 0)];
    plot.say.textContent = fit.text;
    const parameter = D.sweep.find(p => p.name === fit.parameter.replace(/^1\//, ''));
    const inverse = fit.parameter.startsWith('1/');
    const unit = parameter ? (parameter.unit === '1' || !parameter.unit ? '1' : inverse ? `1/(${parameter.unit})` : parameter.unit) : '1';
    const x = fit.x, y = fit.d.map(d => d === null ? null : Math.abs(d));
    const traces = [{x, y, judge: true, type: 'scatter', mode: 'markers', marker: {symbol: s.marker, size: 8, color: s.colour}, hoverinfo: 'text', text: x.map((v, i) => `${plain(fit.parameter)} = ${number(v)}<br>difference ${number(fit.d[i])} ± ${number(fit.dse[i], 2)}`),
      error_y: {type: 'data', array: fit.dse, color: s.colour, thickness: 1.4}}];
    const good = range(x.length).filter(i => x[i] > 0 && y[i] > 0);
    if (good.length > 1 && Number.isFinite(fit.order)) {
      const mean = f => good.reduce((sum, i) => sum + Math.log(f[i]), 0) / good.length, a = mean(y) - fit.order * mean(x), ends = [Math.min(...good.map(i => x[i])), Math.max(...good.map(i => x[i]))];
      traces.push({x: ends, y: ends.map(v => Math.exp(a + fit.order * Math.log(v))), type: 'scatter', mode: 'lines', line: {color: '#000', width: 1.2, dash: 'dash'}, hoverinfo: 'text', text: `order ${number(fit.order, 3)} ± ${number(fit.se, 2)}`});
    }
    draw(plot, traces, {xaxis: {title: titled(withUnit(fit.parameter, unit)), type: 'log'}, yaxis: {title: titled(withUnit('relative |difference|', '1')), type: 'log'}});
  }
}

// Heat maps: continuous fields in a scale that reads in grey too, categories in colours of their own with their names.
function drawPortraits() {
  const section = $('#portraits'), drawn = range(D.points.length).filter(p => D.points[p].l.some(l => (l.pt || []).length));
  if (!drawn.length) return;
  section.hidden = false;
  const order = D.order.filter(p => drawn.includes(p));
  const keys = [...new Set(order.flatMap(p => D.points[p].l.flatMap(l => (l.pt || []).map(t => `${l.l} ${t.name}`))))];
  const find = (p, key) => D.points[p].l.flatMap(l => (l.pt || []).map(t => [`${l.l} ${t.name}`, l.l, t])).find(([k]) => k === key);
  const plots = new Map(keys.map(key => { const [, level, t] = order.map(p => find(p, key)).find(Boolean); return [key, box(section, `${D.levels[level].label}: ${t.title || t.name}`)]; }));
  const palette = ['#f4f4f4', '#0072B2', '#D55E00', '#009E73', '#E69F00', '#CC79A7', '#56B4E9', '#000000'];
  const show = p => {
    for (const key of keys) {
      const found = find(p, key), plot = plots.get(key);
      if (!found) { Plotly.purge(plot.canvas); plot.say.textContent = 'not drawn at this point'; continue; }
      const [, , t] = found, [row, column] = t.a, n = t.c.length;
      const trace = {type: 'heatmap', x: column.x, y: row.x, z: t.z, hovertemplate: `${plain(column.name)} = %{x}<br>${plain(row.name)} = %{y}<br>%{z}<extra></extra>`};
      if (n) {
        Object.assign(trace, {zmin: -0.5, zmax: n - 0.5, colorscale: range(n).flatMap(i => [[i / n, palette[i % palette.length]], [(i + 1) / n, palette[i % palette.length]]]), showscale: false,
          text: t.z.map(line => line.map(v => t.c[v])), hovertemplate: `${plain(column.name)} = %{x}<br>${plain(row.name)} = %{y}<br>%{text}<extra></extra>`});
        plot.say.innerHTML = t.c.map((name, i) => `<span class="key"><svg width="12" height="12"><rect width="12" height="12" fill="${palette[i % palette.length]}" stroke="#666"/></svg> ${escape(name)}</span>`).join('');
      } else {
        const values = t.z.flat().filter(v => v !== null), lo = values.reduce((a, b) => Math.min(a, b), Infinity), hi = values.reduce((a, b) => Math.max(a, b), -Infinity), both = lo < 0 && hi > 0, most = Math.max(-lo, hi);
        Object.assign(trace, {colorscale: both ? [[0, '#2166ac'], [0.5, '#f7f7f7'], [1, '#b2182b']] : 'Cividis', zmin: both ? -most : lo, zmax: both ? most : hi, colorbar: {thickness: 12, outlinewidth: 0, tickfont: {size: 11}}});
        plot.say.textContent = withUnit(t.title || t.name, t.unit);
      }
      const square = row.unit === column.unit && Math.abs(row.x.length - column.x.length) < 2;
      draw(plot, [trace], {xaxis: {title: titled(withUnit(column.name, column.unit)), constrain: 'domain', showgrid: false}, yaxis: {title: titled(withUnit(row.name, row.unit)), showgrid: false, ...(square ? {scaleanchor: 'x', constrain: 'domain'} : {})}});
    }
  };
  slider($('.controls', section), 'point', order.map(p => placeOf(p) || `point ${p + 1}`), 0, i => show(order[i]));
  show(order[0]);
}

// Steady states over the swept parameter; a branch is cut where its nature changes, so that line and meaning agree.
function drawBifurcation() {
  const section = $('#bifurcation'), diagrams = D.diagrams.filter(d => d.b.some(b => b.x.length));
  if (!diagrams.length) return;
  section.hidden = false;
  const names = D.observables.map((o, i) => [o.name, i]).filter(([name]) => diagrams.some(d => d.b.some(b => b.v[name])));
  legend(section, [...new Set([...diagrams.map(d => d.l), ...range(D.levels.length).filter(l => D.levels[l].ref)])].sort((a, b) => a - b));
  const plots = names.map(([name]) => box(section, name));  // all boxes first: each changes the width of the others
  const words = {s: 'stable', u: 'unstable', n: 'unphysical'}, dash = {s: 'solid', u: 'dash', n: 'dot'};
  const rows = [], minor = [];
  names.forEach(([name, o], at) => {
    const plot = plots[at], traces = [], reference = [];
    const axis = D.sweep[0];
    for (const level of range(D.levels.length).filter(l => D.levels[l].ref)) {
      const t = {x: [], y: []};
      for (const p of D.order) { const e = (D.points[p].l.find(l => l.l === level) || {e: []}).e.find(e => e.o === o); if (e && e.v.length === 1) { t.x.push(D.points[p].x[0]); t.y.push(e.v[0]); } }
      if (t.x.length) reference.push({...t, judge: true, type: 'scatter', mode: 'lines', meta: level, line: {color: '#000', width: 2.4}, hoverinfo: 'text', text: t.x.map((x, i) => `<b>${plain(D.levels[level].label)}</b> ${plain(name)} = ${number(t.y[i])}<br>${plain(axis.name)} = ${number(x)}`)});
    }
    for (const d of diagrams) for (const b of d.b) {
      const y = b.v[name];
      if (!y) continue;
      for (let first = 0; first < b.x.length;) {
        let last = first;
        while (last + 1 < b.x.length && b.k[last + 1] === b.k[first]) ++last;
        const end = Math.min(last + 1, b.x.length - 1), kind = b.k[first], index = range(end - first + 1).map(i => first + i);
        traces.push({x: index.map(i => b.x[i]), y: index.map(i => y[i]), judge: kind === 's', type: 'scatter', mode: 'lines', meta: d.l, line: {color: kind === 'n' ? shade(styles[d.l].colour, 0.55) : styles[d.l].colour, dash: dash[kind], width: kind === 's' ? 2.4 : 1.4},
          hoverinfo: 'text', text: index.map(i => `<b>${plain(D.levels[d.l].label)}</b> ${words[kind]}<br>${plain(name)} = ${number(y[i])}<br>${plain(axis.name)} = ${number(b.x[i])}`)});
        first = last + 1;
      }
      // What happens to a stable state is the message; unstable and unphysical branches have many folds of their own.
      const stable = s => {
        const away = i => Math.abs(b.x[i] - s.x) / (Math.abs(s.x) || 1) + Math.abs(y[i] - s.v[name]) / (Math.abs(s.v[name]) || 1);
        return range(b.x.length).sort((i, j) => away(i) - away(j)).slice(0, 3).some(i => b.k[i] === 's');
      };
      const points = b.s.filter(s => s.k !== 'end' && Number.isFinite(s.v[name])), large = points.map(stable);
      if (points.length) traces.push({x: points.map(s => s.x), y: points.map(s => s.v[name]), type: 'scatter', mode: 'markers', meta: d.l, hoverinfo: 'text', text: points.map(s => `<b>${plain(D.levels[d.l].label)}</b> ${plain(s.k)} at ${plain(axis.name)} = ${number(s.x, 6)}<br>${plain(s.t)}`),
        marker: {size: large.map(l => l ? 9 : 5), color: '#fff', symbol: points.map(s => s.k === 'hopf' ? 'square' : s.k === 'fold' ? 'circle' : 'diamond'), line: {color: styles[d.l].colour, width: large.map(l => l ? 2.2 : 1.2)}}});
      if (at === 0) for (const s of b.s.filter(s => s.k !== 'end')) (Number.isFinite(s.v[name]) && stable(s) ? rows : minor).push(`<tr><td><b>${escape(D.levels[d.l].label)}</b></td><td>${escape(s.k)}</td><td class="n">${number(s.x, 7)} ± ${number(s.e, 2)}</td><td>${escape(s.t)}${s.w ? `, angular frequency ${number(s.w)}` : ''}</td></tr>`);
    }
    if (plot.log === null) plot.log = logByItself([...reference, ...traces]);
    const ys = valuesOf([...reference, ...traces]).filter(y => Number.isFinite(y) && (!plot.log || y > 0)).map(y => plot.log ? Math.log10(y) : y), top = ys.reduce((a, v) => Math.max(a, v), -Infinity), low = ys.reduce((a, v) => Math.min(a, v), Infinity), room = 0.08 * (top - low || 1);
    // The frame shows what is stable, and the reference; unstable and unphysical branches may leave it.
    draw(plot, [...traces, ...reference], {xaxis: {title: titled(withUnit(axis.name, axis.unit)), type: axis.log || diagrams[0].log ? 'log' : 'linear'},
      yaxis: {title: titled(observableTitle(o)), type: plot.log ? 'log' : 'linear', range: [low - room, top + room]}});
    plot.say.textContent = 'Circle: fold. Square: Hopf point. Diamond: other change. Zoom out to see branches that leave the frame.';
  });
  const table = list => `<div class="scroll"><table><thead><tr><th>level</th><th>kind</th><th class="n">${escape(withUnit(D.sweep[0].name, D.sweep[0].unit))}</th><th>what changes</th></tr></thead><tbody>${list.join('')}</tbody></table></div>`;
  const fold = minor.length ? `<details><summary>${minor.length} further point${minor.length > 1 ? 's' : ''} on unstable or unphysical branches</summary>${table(minor)}</details>` : '';
  $('.states', section).innerHTML = (rows.length ? table(rows) : '') + fold;
}

function verdictTable() {
  if (!D.verdicts.length) return;
  const section = $('#verdicts'), table = $('#verdict-table'), controls = $('.controls', section);
  const swept = D.sweep.map((s, k) => ({name: s.name, n: true, key: v => D.points[v[0]].x[k], text: v => typeof D.points[v[0]].x[k] === 'number' ? number(D.points[v[0]].x[k]) : D.points[v[0]].x[k]}));
  const swatches = D.outcomes.map(o => `<svg class="swatch" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true"><rect x=".5" y=".5" width="15" height="15" fill="url(#meso-${o.word})" stroke="#666"/><use href="#meso-glyph-${o.word}" x="8" y="8"/></svg>`);
  const interval = v => v[V.low] === null && v[V.high] === null ? '' : `[${number(v[V.low], 3)}, ${number(v[V.high], 3)}]`;
  const words = v => [D.texts[v[V.reason]], v[V.needed] > 0 && !/need/.test(D.texts[v[V.reason]]) ? `needs about ${commas(v[V.needed])} trajectories` : '', v[V.order] !== null ? `order check: ${D.texts[v[V.order]]}` : '', ...v[V.remarks].map(r => D.texts[r])].filter(Boolean).join('; ');
  const columns = [
    ...swept,
    {name: 'level', key: v => v[V.level], text: v => D.levels[v[V.level]].label},
    {name: 'observable', key: v => v[V.obs], text: v => D.observables[v[V.obs]].name},
    {name: 'verdict', w: true, key: v => v[V.outcome], html: v => swatches[v[V.outcome]] + D.outcomes[v[V.outcome]].word},
    {name: 'discrepancy / margin', w: true, n: true, key: v => v[V.high] === null ? v[V.low] : v[V.high], text: interval},
    {name: 'worst at', key: v => D.texts[v[V.where]], text: v => D.texts[v[V.where]]},
    {name: 'margin', n: true, key: v => v[V.margin], text: v => v[V.margin] === null ? '' : number(v[V.margin], 3), title: v => `scale ${number(v[V.scale])}, quantiles ${number(v[V.q], 3)} and ${number(v[V.qd], 3)}, look ${v[V.look]}`},
    {name: 'reason and remarks', t: true, key: v => words(v), text: words},
  ];
  for (let c = columns.length; c-- > 0;) if (columns[c].text && !columns[c].html && D.verdicts.every(v => columns[c].text(v) === '')) columns.splice(c, 1);
  let sort = -1, down = false, everything = false;
  const filters = {};
  const choice = (name, column, items, of) => {
    if (items.length < 2) return;
    const select = make('select', {}, make('option', {value: '', textContent: 'all'}), ...items.map(([value, text]) => make('option', {value, textContent: text})));
    select.addEventListener('change', () => { filters[column] = select.value === '' ? null : Number(select.value); fill(); });
    controls.append(make('label', {}, name + ' ', select));
  };
  const used = column => [...new Set(D.verdicts.map(v => v[column]))].sort((a, b) => a - b);
  choice('level', V.level, used(V.level).map(l => [l, D.levels[l].label]));
  choice('observable', V.obs, used(V.obs).map(o => [o, D.observables[o].name]));
  choice('verdict', V.outcome, used(V.outcome).map(o => [o, D.outcomes[o].word]));
  const most = 500, count = $('.count', section);
  const head = make('tr', {}, ...columns.map((c, i) => {
    const button = make('button', {type: 'button', textContent: c.name, title: 'sort'}), th = make('th', {className: c.n ? 'n' : ''}, button);
    button.addEventListener('click', () => { down = sort === i && !down; sort = i; for (const h of head.children) h.removeAttribute('aria-sort'); th.setAttribute('aria-sort', down ? 'descending' : 'ascending'); fill(); });
    return th;
  }));
  const body = make('tbody');
  table.append(make('thead', {}, head), body);
  const position = new Map(D.order.map((p, i) => [p, i]));
  function fill() {
    let rows = D.verdicts.filter(v => Object.entries(filters).every(([c, x]) => x === null || v[c] === x));
    rows = [...rows].sort((a, b) => a[V.level] - b[V.level] || a[V.obs] - b[V.obs] || position.get(a[0]) - position.get(b[0]));
    if (sort >= 0) {
      const key = columns[sort].key, sign = down ? -1 : 1;
      rows.sort((a, b) => { const x = key(a), y = key(b); return x === y ? 0 : x === null || x === '' ? 1 : y === null || y === '' ? -1 : x < y ? -sign : sign; });
    }
    const shown = everything ? rows : rows.slice(0, most);
    body.innerHTML = shown.map(v => '<tr>' + columns.map(c => `<td class="${[c.n ? 'n' : '', c.t ? 't' : '', c.w ? 'w' : ''].join(' ').trim()}"${c.title ? ` title="${escape(c.title(v)).replace(/"/g, '&quot;')}"` : ''}>${c.html ? c.html(v) : escape(c.text(v))}</td>`).join('') + '</tr>').join('');
    count.textContent = `${rows.length} of ${D.verdicts.length} verdicts` + (shown.length < rows.length ? `, the first ${shown.length} shown ` : '. ');
    if (shown.length < rows.length) count.append(make('button', {type: 'button', textContent: 'show all', onclick: () => { everything = true; fill(); }}));
  }
  fill();
}

function mapTips() {
  const tip = $('#tip'), map = $('#map');
  const show = (cell, x, y) => {
    const v = D.verdicts[Number(cell.dataset.v)], lines = [];
    lines.push(`${D.levels[v[V.level]].label}  ${D.observables[v[V.obs]].name}: ${D.outcomes[v[V.outcome]].word}`);
    if (placeOf(v[0])) lines.push('at ' + placeOf(v[0]));
    if (v[V.low] !== null || v[V.high] !== null) lines.push(`discrepancy / margin [${number(v[V.low], 3)}, ${number(v[V.high], 3)}]`);
    if (D.texts[v[V.where]]) lines.push('worst at ' + D.texts[v[V.where]]);
    if (D.texts[v[V.reason]]) lines.push(D.texts[v[V.reason]]);
    if (v[V.needed] > 0) lines.push(`about ${commas(v[V.needed])} trajectories would decide it`);
    for (const r of v[V.remarks]) lines.push(D.texts[r]);
    tip.textContent = lines.join('\n');
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 8)) + 'px';
    tip.style.top = (y + 18 + box.height > innerHeight ? Math.max(4, y - box.height - 10) : y + 18) + 'px';
  };
  map.addEventListener('mousemove', event => { const cell = event.target.closest('[data-v]'); cell ? show(cell, event.clientX, event.clientY) : tip.hidden = true; });
  map.addEventListener('mouseleave', () => { tip.hidden = true; });
  map.addEventListener('click', event => { const cell = event.target.closest('[data-v]'); if (cell) gotoPoint(D.verdicts[Number(cell.dataset.v)][0]); });
}

drawPortraits();
drawBifurcation();
drawDiscrepancy();
drawCurves();
drawDistributions();
drawOrders();
verdictTable();
mapTips();
window.addEventListener('beforeprint', () => all.forEach(p => Plotly.Plots.resize(p.canvas)));
window.mesoReady = Promise.all(all.map(p => p.canvas._promises ? Promise.all(p.canvas._promises) : null)).then(() => all.length);
})();
