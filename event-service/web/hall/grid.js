// The plan of one section as a grid that mouse, touch and keys draw on. Only what is near the window is in the
// document; the focus stays with the grid, and `aria-activedescendant` tells which cell is meant.
import { h } from "../dom.js";
import { t } from "../language.js";
import { keyAction } from "./keys.js";
import { numbersOf } from "./numbering.js";
import { ACCESSIBLE, BLOCKED, GAP, isSold, widthOf } from "./plan.js";
import { Pointers } from "./pointers.js";

const ROWS_BEYOND = 3;
const COLUMNS_BEYOND = 6;
const HEADER = -1;
const KINDS = { [ACCESSIBLE]: "accessible", [BLOCKED]: "blocked", [GAP]: "gap" };

export const kindOf = (letter) => KINDS[letter] ?? "seat";

let grids = 0;

export class HallGrid {
  /** `draw` has `begin(cells)`, `cells(cells)`, `end()` and `cancel()` of a stroke; `begin` decides by the cells
   * where it begins what it draws, or without them that it draws what the tool is for. `key` hears what else the
   * keys mean; `moved` that another cell is meant; `isMoving` tells whether drags scroll. */
  constructor({ draw, key, moved, isMoving }) {
    Object.assign(this, { draw, key, moved, isMoving });
    this.active = { row: 0, column: 0 };
    this.lines = new Map();
    this.id = `hall-grid-${++grids}`;
    this.header = h("div", { role: "row", class: "hall-columns", "aria-rowindex": 1 });
    this.grid = h(
      "div",
      { class: "hall-grid", role: "grid", tabindex: 0, id: this.id, "aria-describedby": `${this.id}-errors` },
      this.header,
    );
    this.node = h("div", { class: "hall-scroller" }, this.grid);
    this.node.addEventListener("scroll", () => this.#later(), { passive: true });
    this.grid.addEventListener("keydown", (event) => this.#press(event));
    new Pointers(this);
    new ResizeObserver(() => this.#resized()).observe(this.node);
  }

  show(section) {
    this.section = section;
    this.rowCount = section.rows.length;
    this.columnCount = widthOf(section);
    this.active.row = Math.min(this.active.row, this.rowCount - 1);
    this.active.column = Math.min(this.active.column, this.columnCount - 1);
    this.grid.setAttribute("aria-rowcount", this.rowCount + 1);
    this.grid.setAttribute("aria-colcount", this.columnCount + 1);
    this.grid.setAttribute("aria-label", t("hall.grid", { section: section.name }));
    this.grid.style.setProperty("--rows", this.rowCount);
    this.grid.style.setProperty("--columns", this.columnCount);
    this.#render();
  }

  /** All cells that a cell of the headers stands for, or the cell itself. */
  cellsOf({ row, column }) {
    const rows = row === HEADER ? range(0, this.rowCount - 1) : [row];
    const columns = column === HEADER ? range(0, this.columnCount - 1) : [column];
    return rows.flatMap((one) => columns.map((other) => [one, other]));
  }

  /** Another cell is meant from now on; it comes into sight. */
  activate({ row, column }, { isSeen = true } = {}) {
    this.active = {
      row: Math.min(Math.max(row, HEADER), this.rowCount - 1),
      column: Math.min(Math.max(column, HEADER), this.columnCount - 1),
    };
    if (isSeen) this.#reveal();
    this.#render();
    this.moved(this.active);
  }

  /** In pixels; looked up once, since each look makes the browser lay out the page. */
  get sizes() {
    this.measured ??= this.#measure();
    return this.measured;
  }

  #measure() {
    const style = getComputedStyle(this.grid);
    return {
      cell: parseFloat(style.getPropertyValue("--cell")) || 30,
      head: parseFloat(style.getPropertyValue("--head")) || 48,
      top: parseFloat(style.getPropertyValue("--top")) || 28,
    };
  }

  /** The cell at a point of the window; rows and columns of the headers are -1. */
  cellAt({ clientX, clientY }) {
    const [box, grid] = [this.node, this.grid].map((node) => node.getBoundingClientRect());
    const { cell, head, top } = this.sizes;
    // The headers stay in sight while the grid moves below them.
    const isIn = (at, from, start, size) => at < Math.max(from, start) + size;
    const column = isIn(clientX, grid.left, box.left, head) ? HEADER : (clientX - grid.left - head) / cell;
    const row = isIn(clientY, grid.top, box.top, top) ? HEADER : (clientY - grid.top - top) / cell;
    return { row: Math.floor(row), column: Math.floor(column) };
  }

  has = ({ row, column }) => row < this.rowCount && column < this.columnCount;

  /** "Row A, place 5: seat 5", as screen readers say it too. */
  describe(row, column) {
    if (row < 0 || column < 0) return "";
    const line = this.section.rows[row];
    return describe(line, column, numbersOf(line.letters, line.numbering)[column]);
  }

  #reveal() {
    const { cell, head, top } = this.sizes;
    const { row, column } = this.active;
    const into = (at, before, size, scroll) => {
      if (at < 0) return scroll;
      if (at * cell < scroll) return at * cell;
      return Math.max(scroll, before + (at + 1) * cell - size);
    };
    this.node.scrollLeft = into(column, head, this.node.clientWidth, this.node.scrollLeft);
    this.node.scrollTop = into(row, top, this.node.clientHeight, this.node.scrollTop);
  }

  #press(event) {
    const action = keyAction(event, this.active, this);
    if (!action) return;
    event.preventDefault();
    if (!action.to) return this.key(action);
    if (!action.isDrawing) return this.activate(action.to);
    this.draw.begin(null);
    this.activate(action.to);
    this.draw.cells(this.cellsOf(this.active));
    this.draw.end();
  }

  #resized() {
    this.measured = null;
    this.#later();
  }

  #later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.section) this.#render();
    });
  }

  #render() {
    const { cell, head, top } = this.sizes;
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.node;
    const near = (scroll, size, before, beyond, count) => [
      Math.max(0, Math.floor(scroll / cell) - beyond),
      Math.min(count - 1, Math.ceil((scroll + size - before) / cell) + beyond),
    ];
    const columns = near(scrollLeft, clientWidth, head, COLUMNS_BEYOND, this.columnCount);
    const [first, last] = near(scrollTop, clientHeight, top, ROWS_BEYOND, this.rowCount);
    const shown = new Set(range(first, last));
    if (this.active.row >= 0) shown.add(this.active.row);
    for (const [index, line] of this.lines) {
      if (shown.has(index)) continue;
      line.node.remove();
      this.lines.delete(index);
    }
    for (const index of shown) this.#renderRow(index, columns);
    this.#renderHeader(columns);
    this.grid.setAttribute("aria-activedescendant", `${this.id}-active`);
  }

  /** The columns of a row that are drawn: those near the window, and the one that is meant. */
  #columnsOf(row, [first, last]) {
    const { active } = this;
    const isAside = active.row === row && active.column >= 0 && (active.column < first || active.column > last);
    return isAside ? [...range(first, last), active.column] : range(first, last);
  }

  #renderRow(index, columns) {
    const row = this.section.rows[index];
    const key = `${columns} ${this.active.row === index ? this.active.column : ""}`;
    let line = this.lines.get(index);
    if (line?.row === row && line.key === key) return;
    if (!line) {
      const node = h("div", { role: "row", class: "hall-row", "aria-rowindex": index + 2 });
      node.style.setProperty("--row", index);
      // In the order of the hall, as screen readers go through them.
      const after = Math.min(...[...this.lines.keys()].filter((other) => other > index));
      this.grid.insertBefore(node, this.lines.get(after)?.node ?? null);
      line = { node };
      this.lines.set(index, line);
    }
    Object.assign(line, { row, key });
    const numbers = numbersOf(row.letters, row.numbering);
    line.node.replaceChildren(
      this.#mark(
        h("div", { role: "rowheader", class: "hall-row-name", "aria-colindex": 1, dir: "auto" }, row.name),
        index,
        HEADER,
      ),
      ...this.#columnsOf(index, columns).map((column) => this.#cell(row, index, column, numbers[column])),
    );
  }

  #cell(row, index, column, seat) {
    const kind = kindOf(row.letters[column]);
    const node = h(
      "div",
      {
        role: "gridcell",
        class: `hall-cell is-${kind}${isSold(row, column) ? " is-sold" : ""}`,
        "aria-colindex": column + 2,
        "aria-label": describe(row, column, seat),
      },
      seat ? h("span", {}, seat) : null,
    );
    node.style.setProperty("--column", column);
    return this.#mark(node, index, column);
  }

  #mark(node, row, column) {
    if (this.active.row === row && this.active.column === column) {
      node.id = `${this.id}-active`;
      node.classList.add("active");
    }
    return node;
  }

  #renderHeader(columns) {
    const key = `${columns} ${this.active.row === HEADER ? this.active.column : ""}`;
    if (this.header.key === key) return;
    this.header.key = key;
    const corner = h("div", { role: "columnheader", class: "hall-corner", "aria-colindex": 1 });
    corner.append(h("span", { class: "sr" }, t("hall.all-cells")));
    const heads = this.#columnsOf(HEADER, columns).map((column) => {
      const node = h("div", { role: "columnheader", class: "hall-column", "aria-colindex": column + 2 }, column + 1);
      node.style.setProperty("--column", column);
      return this.#mark(node, HEADER, column);
    });
    this.header.replaceChildren(this.#mark(corner, HEADER, HEADER), ...heads);
  }
}

function describe(row, column, number) {
  const what = t(`hall.what.${kindOf(row.letters[column])}`, { number });
  const key = isSold(row, column) ? "hall.sold-cell" : "hall.cell";
  return t(key, { row: row.name, column: column + 1, what });
}

function range(first, last) {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
