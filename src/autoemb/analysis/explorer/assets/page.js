// What both pages use: their data, and tables whose rows sort. What they show is set as text, never as HTML.

// The data are JSON, gzipped and in base64: a browser shows no page of more than 2 MB within Snakemake's report.
async function readData() {
  const bytes = Uint8Array.from(atob(document.getElementById("data").textContent), character => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

const FIRST = 500; // rows that are drawn unless all are asked for: a browser lays out 100,000 rows for minutes

// columns: {name, number: whether it holds numbers, digits: behind the point, or none to show all,
// significant: digits of a number that is not whole, grouped: 1,000}; rows: arrays of values.
// The values may be {text, value}: what is shown, and what is sorted by.
function showTable(box, caption, columns, rows) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  const body = table.createTBody();
  const more = document.createElement("button");
  more.type = "button";
  let shown = rows, all = false;

  const sortedBy = (column, down) => {
    const key = row => (row[column] !== null && typeof row[column] === "object" ? row[column].value : row[column]);
    const compare = (a, b) => {
      if (key(a) === null || key(b) === null) return (key(a) === null) - (key(b) === null); // missing ones last
      const order = columns[column].number ? key(a) - key(b) : String(key(a)).localeCompare(String(key(b)));
      return down ? -order : order;
    };
    return [...rows].sort(compare);
  };
  const draw = () => {
    body.replaceChildren(...shown.slice(0, all ? shown.length : FIRST).map(row => {
      const line = document.createElement("tr");
      row.forEach((value, at) => {
        const cell = line.insertCell();
        cell.textContent = write(value, columns[at]);
        if (columns[at].number) cell.className = "number";
        if (columns[at].significant && value !== null) cell.title = String(value);
      });
      return line;
    }));
    more.hidden = all || shown.length <= FIRST;
    more.textContent = `Show all ${shown.length.toLocaleString("en")} rows (now: the first ${FIRST})`;
  };
  columns.forEach((column, at) => {
    const cell = document.createElement("th");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = column.name;
    button.addEventListener("click", () => {
      const down = cell.getAttribute("aria-sort") === "ascending";
      for (const other of head.cells) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      shown = sortedBy(at, down);
      draw();
    });
    cell.scope = "col";
    if (column.number) cell.className = "number";
    cell.append(button);
    head.append(cell);
  });
  more.addEventListener("click", () => { all = true; draw(); });
  const frame = document.createElement("div");
  frame.className = "rows";
  frame.tabIndex = 0; // so that the keyboard can scroll it
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", caption);
  frame.append(table);
  box.replaceChildren(frame, more);
  draw();
}

function write(value, column) {
  if (value !== null && typeof value === "object") return value.text;
  if (value === null) return "";
  if (column.grouped) return value.toLocaleString("en");
  if (column.significant && !Number.isInteger(value)) return String(Number(value.toPrecision(column.significant)));
  return column.digits === undefined ? String(value) : value.toFixed(column.digits);
}
