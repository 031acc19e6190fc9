// Draws what is chosen. All text that comes from data is set as text, never as HTML.

const data = await readData();
const element = id => document.getElementById(id);

// panel -> its curves' table, what a point is called, its axes, and the digits of its values
const LOSS = { y: () => measureName(), digits: 5 };
const SIZE = { y: () => "mean size (dimensions)", digits: 2 };
const POPULARITY = { x: () => `${chosen().side} popularity (interactions so far)`, point: "popularity", log: true };
const STREAM = { x: () => "interactions so far", point: "interactions" };
const PANELS = {
  "frontier": {
    curves: "frontier", ...LOSS, x: () => "MiB of the embeddings, both sides", point: "MiB", memory: true, layers: memoryLayers,
    more: [{ name: "beaten by", of: curve => curve.beaten_by }],
  },
  "running-popularity": { curves: "running-popularity", ...POPULARITY, ...LOSS },
  "stream-curve": { curves: "stream", ...STREAM, ...LOSS },
  "difference": { curves: "difference", ...STREAM, ...LOSS, y: () => `Δ ${measureName()} to fse`, zero: true },
  "mean-size": { curves: "mean-size", ...POPULARITY, ...SIZE, least: 0 },
  "size-stream": { curves: "size-stream", ...STREAM, ...SIZE, least: 0 },
  "levels": {
    curves: "levels", ...LOSS, point: "training ratings", log: true, all: true,
    x: () => `popularity (training ratings per ${chosen().side})`,
  },
};

function chosen() {
  const task = element("task").value;
  return {
    dataset: element("dataset").value,
    stream: element("stream").value,
    task,
    metric: element("measure").value === "loss" ? data.losses[task] : "accuracy",
    side: element("side").value,
    start: element("start").value,
    training: element("training").value,
    methods: [...element("methods").querySelectorAll("input:checked")].map(input => input.value),
  };
}

const measureName = () => data.metrics[chosen().metric];

// whether a row belongs to the choice; what it has no column for does not part it
const belongs = (row, choice, ways) => ways.every(way => row[way] === undefined || row[way] === choice[way]);

function fill() {
  for (const way of ["dataset", "stream", "task", "side", "start", "training"]) {
    element(way).replaceChildren(...data.choices[way].map(value => new Option(value, value)));
  }
  element("methods").replaceChildren(...Object.entries(data.methods).map(([name, mark]) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    const swatch = document.createElement("span");
    Object.assign(box, { type: "checkbox", value: name, checked: true });
    swatch.className = "swatch";
    swatch.style.background = mark.colour;
    label.append(box, swatch, name);
    return label;
  }));
  element("choices").addEventListener("change", () => { draw(); keep(); });
  element("choices").addEventListener("submit", event => event.preventDefault());
  for (const [id, checked] of [["every", true], ["no", false]]) {
    element(id).addEventListener("click", () => {
      for (const box of element("methods").querySelectorAll("input")) box.checked = checked;
      draw();
      keep();
    });
  }
}

const WAYS = ["dataset", "stream", "task", "measure", "side", "start", "training"];

// The choice in the page's address, so that it can be sent to others.
function keep() {
  const kept = new URLSearchParams(WAYS.map(way => [way, element(way).value]));
  kept.set("methods", chosen().methods.join(" "));
  try {
    history.replaceState(null, "", `#${kept}`);
  } catch { /* some browsers keep no address of a file */ }
}

function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  for (const way of WAYS) {
    const options = [...element(way).options].map(option => option.value);
    if (options.includes(kept.get(way))) element(way).value = kept.get(way);
  }
  if (!kept.has("methods")) return;
  const methods = kept.get("methods").split(" ");
  for (const box of element("methods").querySelectorAll("input")) box.checked = methods.includes(box.value);
}

function draw() {
  const choice = chosen();
  element("findings").replaceChildren(...(data.findings[choice.dataset] ?? []).map(sentence => {
    const item = document.createElement("li");
    item.textContent = sentence;
    return item;
  }));
  const said = [data.datasets[choice.dataset], data.streams[choice.dataset]?.[choice.stream]];
  element("title").textContent = said.filter(text => text).join("; ");
  for (const [id, panel] of Object.entries(PANELS)) drawCurves(id, panel, choice);
  drawComparison(choice);
  drawClaims(choice);
}

function drawCurves(id, panel, choice) {
  const curves = data.curves[panel.curves].filter(curve =>
    belongs(curve, choice, ["dataset", "stream", "task", "metric", "side", "start", "training"]) &&
    (panel.all || choice.methods.includes(curve.name)));
  const section = element(id);
  const any = show(section, curves.length > 0);
  section.querySelector(".seeds").textContent = any ? seeds(curves) : "";
  const box = section.querySelector(".chart");
  putChart(id, box, any ? spec(section.querySelector("h2").textContent, panel, curves, box.clientWidth) : null);
  if (!any) return;
  const more = panel.more ?? [];
  const columns = [
    { name: panel.all ? "size" : "method" }, { name: panel.point, number: true },
    ...["mean", "low", "high"].map(name => ({ name, number: true, digits: panel.digits })),
    { name: "interactions per seed", number: true, grouped: true }, ...more.map(({ name }) => ({ name })),
  ];
  const rows = curves.flatMap(curve => curve.x.map((x, at) => [
    curve.name, { text: curve.label[at], value: x }, curve.mean[at], curve.low[at], curve.high[at], curve.n[at],
    ...more.map(({ of }) => of(curve)),
  ]));
  showTable(section.querySelector(".values"), section.querySelector("h2").textContent, columns, rows);
}

const charts = {}; // panel -> the promise of its chart

// Charts are made in the background: each waits for the one before, so that the last choice is what stays.
function putChart(id, box, drawn) {
  const options = { renderer: "svg", actions: { export: true, source: false, compiled: false, editor: false } };
  charts[id] = (charts[id] ?? Promise.resolve(null)).then(before => {
    before?.finalize();
    box.replaceChildren();
    return drawn && window.vegaEmbed(box, drawn, options);
  });
}

// Shows the panel's values, or says that there are none.
function show(section, any) {
  const none = section.querySelector(".none");
  none.hidden = any;
  none.textContent = any ? "" : "No data for this choice.";
  for (const part of section.querySelectorAll(".chart, .values")) part.hidden = !any;
  if (!any) section.querySelector(".values").replaceChildren();
  return any;
}

function seeds(curves) {
  const numbers = curves.map(curve => curve.seeds);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  if (most === 1) return "One seed, so there is no interval.";
  return `Mean and 95 % interval over ${least === most ? most : `${least} to ${most}`} seeds.`;
}

// The Vega-Lite chart of a panel: its layers, on the scales of the figures.
function spec(description, panel, curves, width) {
  const points = curves.flatMap(curve => {
    const every = Math.max(1, Math.floor(curve.x.length / 12));
    return curve.x.map((x, at) => ({
      curve: curve.name, x, point: curve.label[at], mean: curve.mean[at], low: curve.low[at], high: curve.high[at],
      n: curve.n[at], marked: at % every === 0,
    }));
  });
  const names = curves.map(curve => curve.name);
  const xs = points.map(point => point.x);
  const colour = {
    field: "curve", type: "nominal", title: null, scale: { domain: names, range: curves.map(curve => curve.colour) },
    legend: { orient: "bottom", columns: Math.max(1, Math.floor(width / 150)), symbolOpacity: 1 },
  };
  const shape = { ...colour, scale: { domain: names, range: curves.map(curve => curve.shape) } };
  const strokeDash = { ...colour, scale: { domain: names, range: curves.map(curve => curve.dash) } };
  const x = {
    field: "x", type: "quantitative", title: panel.x(), scale: panel.memory ? memoryScale(xs) : plainScale(panel, xs),
    axis: { format: panel.memory ? "~r" : "~s", tickCount: width < 500 ? 4 : 8, labelOverlap: true, grid: false },
  };
  const y = name => ({
    field: name, type: "quantitative", title: panel.y(),
    scale: { domain: range(panel, points.map(point => point.mean)), zero: false, nice: false, clamp: false },
    axis: { tickCount: 6, gridColor: "#e6e6e6" },
  });
  const tooltip = [
    { field: "curve", title: panel.all ? "size" : "method" }, { field: "point", title: panel.point },
    ...["mean", "low", "high"].map(field => ({ field, type: "quantitative", format: `.${panel.digits}f` })),
    { field: "n", type: "quantitative", title: "interactions per seed", format: "," },
  ];
  const layer = (panel.layers ?? curveLayers)({ points, x, y, colour, shape, strokeDash, tooltip });
  const test = curves.map(curve => curve.test).find(first => first !== null);
  if (test !== undefined) layer.push(line({ x: { datum: test } }, [2, 3]));
  if (panel.zero) layer.push(line({ y: { datum: 0 } }, [1, 0]));
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json", // a name: nothing is fetched
    description: `${description}: ${names.join(", ")}`,
    data: { values: points },
    width: "container", height: 320, background: "#ffffff", padding: 8,
    autosize: { type: "fit-x", contains: "padding" },
    config: { view: { stroke: null }, axis: { labelFontSize: 12, titleFontSize: 13, titleFontWeight: "normal" },
      legend: { labelFontSize: 12, labelLimit: 140 }, font: "system-ui, DejaVu Sans, sans-serif" },
    layer,
  };
}

function plainScale(panel, xs) {
  const log = panel.log && Math.max(...xs) > 15 * Math.min(...xs);
  return log ? { type: "log", nice: false } : { zero: false, nice: false };
}

// Logarithmic, of those that hold any; where none does the points need no place on it, but a scale needs a domain.
function memoryScale(xs) {
  const held = xs.filter(x => x > 0);
  const domain = held.length ? [Math.min(...held) / 1.5, Math.max(...held) * 1.5] : [0.1, 10];
  return { type: "log", nice: false, domain };
}

// Bands, lines and points.
function curveLayers({ points, x, y, colour, shape, strokeDash, tooltip }) {
  const layer = [];
  if (points.some(point => point.low !== null)) {
    layer.push({
      transform: [{ filter: "datum.low !== null" }],
      mark: { type: "area", opacity: 0.15, clip: true },
      encoding: { x, y: y("low"), y2: { field: "high" }, color: colour },
    });
  }
  layer.push(
    { mark: { type: "line", strokeWidth: 1.6, clip: true }, encoding: { x, y: y("mean"), color: colour, strokeDash } },
    {
      transform: [{ filter: "datum.marked" }],
      mark: { type: "point", filled: true, opacity: 1, size: 45, clip: true },
      encoding: { x, y: y("mean"), color: colour, shape },
    },
    { // wide, unseen points, so that every value can be pointed at
      mark: { type: "point", filled: true, opacity: 0, size: 200, clip: true, tooltip: true },
      encoding: { x, y: y("mean"), tooltip, detail: { field: "curve" } },
    },
  );
  return layer;
}

// A dot with its interval for each method with embeddings, the line through the front of them, and lines for the others.
function memoryLayers({ points, x, y, colour, shape, tooltip }) {
  const held = points.filter(point => point.x > 0);
  const bare = points.filter(point => point.x === 0);
  const layer = [];
  if (bare.length) {
    layer.push(
      { data: { values: bare }, mark: { type: "rule", strokeDash: [2, 3], strokeWidth: 1.6, clip: true },
        encoding: { y: y("mean"), color: colour } },
      { // wide and unseen, as the points' below
        data: { values: bare }, mark: { type: "rule", opacity: 0, strokeWidth: 12, clip: true, tooltip: true },
        encoding: { y: y("mean"), tooltip, detail: { field: "curve" } },
      },
    );
  }
  if (held.some(point => point.low !== null)) {
    layer.push({
      data: { values: held.filter(point => point.low !== null) }, mark: { type: "rule", strokeWidth: 1.2, clip: true },
      encoding: { x, y: y("low"), y2: { field: "high" }, color: colour },
    });
  }
  layer.push(
    { data: { values: front(held) }, mark: { type: "line", color: "#555555", strokeWidth: 1, interpolate: "step-after" },
      encoding: { x, y: y("mean") } },
    { data: { values: held }, mark: { type: "point", filled: true, opacity: 1, size: 60, clip: true },
      encoding: { x, y: y("mean"), color: colour, shape } },
    { data: { values: held }, mark: { type: "point", filled: true, opacity: 0, size: 200, clip: true, tooltip: true },
      encoding: { x, y: y("mean"), tooltip, detail: { field: "curve" } } },
  );
  return layer;
}

// Each with a better mean than all that need no more, the least memory first.
function front(points) {
  const sign = chosen().metric === "accuracy" ? -1 : 1;
  let best = Infinity;
  return [...points].sort((a, b) => a.x - b.x || sign * (a.mean - b.mean)).filter(point => {
    const ahead = sign * point.mean < best;
    if (ahead) best = sign * point.mean;
    return ahead;
  });
}

const line = (encoding, dash) => ({ mark: { type: "rule", color: "#555555", strokeDash: dash }, encoding });

// The range of the means and 30 % of it on either side, as in the figures: else one wide interval flattens all curves.
function range(panel, means) {
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const beside = 0.3 * (high - low) || 0.05 * Math.abs(high) || 1;
  return [Math.max(low - beside, panel.least ?? -Infinity), high + beside];
}

function drawComparison(choice) {
  const rows = data.comparison
    .filter(row => belongs(row, choice, ["dataset", "stream", "task", "metric"]) && choice.methods.includes(row.method));
  const section = element("comparison");
  if (!show(section, rows.length > 0)) return;
  const names = ["mean", "low", "high", "paper"];
  const columns = [
    { name: "method" }, ...names.map(name => ({ name, number: true, digits: LOSS.digits })),
    { name: "seeds", number: true }, { name: "interactions per seed", number: true, grouped: true },
  ];
  const values = rows.map(row => [row.method, ...names.map(name => row[name]), row.seeds, row.n]);
  showTable(section.querySelector(".values"), section.querySelector("h2").textContent, columns, values);
}

function drawClaims(choice) {
  const rows = data.claims.filter(row => belongs(row, choice, ["dataset", "task"]));
  const section = element("claims");
  if (!show(section, rows.length > 0)) return;
  const texts = ["claim", "statement", "stream", "metric", "verdict"];
  const numbers = ["effect", "low", "high"];
  const columns = [
    ...texts.map(name => ({ name })), ...numbers.map(name => ({ name, number: true, digits: 4 })), { name: "seeds", number: true },
  ];
  const values = rows.map(row => [...texts, ...numbers, "seeds"].map(name => row[name]));
  showTable(section.querySelector(".values"), section.querySelector("h2").textContent, columns, values);
}

fill();
recall();
draw();
document.body.dataset.drawn = "yes"; // for a program that waits for it
