// Drawing with a mouse, a pen or a finger. Two fingers move the plan; so does one with the tool for it.

export class Pointers {
  constructor(grid) {
    this.grid = grid;
    this.fingers = new Map();
    const { node } = grid;
    node.addEventListener("pointerdown", (event) => this.#down(event));
    node.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"])
      node.addEventListener(name, (event) => this.#up(event));
  }

  #down(event) {
    if (event.button !== 0 || this.#isScrollbar(event)) return;
    const { grid } = this;
    this.fingers.set(event.pointerId, event);
    if (this.fingers.size > 1) return this.#pan();
    const cell = grid.cellAt(event);
    if (!grid.has(cell)) return;
    event.preventDefault();
    grid.grid.focus({ preventScroll: true });
    grid.activate(cell, { isSeen: false });
    if (grid.isMoving()) {
      if (event.pointerType === "mouse") this.#pan();
      return;
    }
    this.stroke = { from: cell, last: cell, cells: grid.cellsOf(cell) };
    grid.draw.begin(this.stroke.cells);
    grid.draw.cells(this.stroke.cells);
    // What leaves the grid while it is pressed is heard too.
    grid.node.setPointerCapture(event.pointerId);
  }

  #isScrollbar({ clientX, clientY }) {
    const { node } = this.grid;
    const box = node.getBoundingClientRect();
    return (
      clientX > box.left + node.clientLeft + node.clientWidth ||
      clientY > box.top + node.clientTop + node.clientHeight
    );
  }

  #move(event) {
    if (!this.fingers.has(event.pointerId)) return;
    const before = this.fingers.get(event.pointerId);
    this.fingers.set(event.pointerId, event);
    if (this.panning) return this.#scroll(before, event);
    if (!this.stroke) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) this.#extend(one);
    this.grid.draw.cells(this.stroke.cells);
    this.#follow(event);
  }

  /** Every cell on the way, also when the pointer is fast. With Shift: the rectangle. */
  #extend(event) {
    const { grid, stroke } = this;
    const at = grid.cellAt(event);
    const isHeader = (cell) => cell.row < 0 || cell.column < 0;
    if (isHeader(stroke.from)) {
      // Whole rows or columns, one after the other.
      const next = {
        row: stroke.from.row < 0 ? -1 : Math.max(0, at.row),
        column: stroke.from.column < 0 ? -1 : Math.max(0, at.column),
      };
      if (grid.has(next) && !same(next, stroke.last)) stroke.cells.push(...grid.cellsOf(next));
      stroke.last = next;
      return;
    }
    const to = {
      row: Math.min(Math.max(at.row, 0), grid.rowCount - 1),
      column: Math.min(Math.max(at.column, 0), grid.columnCount - 1),
    };
    if (same(to, stroke.last)) return;
    if (event.shiftKey) stroke.cells = rectangle(stroke.from, to);
    else stroke.cells.push(...line(stroke.last, to));
    stroke.last = to;
  }

  /** At an edge of the window the plan moves along. */
  #follow({ clientX, clientY }) {
    const { node, sizes } = this.grid;
    const box = node.getBoundingClientRect();
    const step = (at, low, high) => (at < low ? -sizes.cell : at > high ? sizes.cell : 0);
    node.scrollBy(
      step(clientX, box.left + sizes.head, box.right - sizes.cell / 2),
      step(clientY, box.top + sizes.top, box.bottom - sizes.cell / 2),
    );
  }

  #pan() {
    if (this.stroke) this.grid.draw.cancel();
    this.stroke = null;
    this.panning = true;
  }

  #scroll(before, now) {
    const share = this.fingers.size;
    const [x, y] = [(before.clientX - now.clientX) / share, (before.clientY - now.clientY) / share];
    const { node } = this.grid;
    const top = node.scrollTop;
    node.scrollBy(x, y);
    const rest = y - (node.scrollTop - top);
    if (Math.abs(rest) > 0.5) window.scrollBy(0, rest);
  }

  #up(event) {
    if (!this.fingers.delete(event.pointerId)) return;
    if (this.stroke && event.type === "pointercancel") this.grid.draw.cancel();
    else if (this.stroke) {
      this.grid.draw.end();
      if (this.stroke.from.row >= 0 && this.stroke.from.column >= 0)
        this.grid.activate(this.stroke.last, { isSeen: false });
    }
    this.stroke = null;
    if (!this.fingers.size) this.panning = false;
  }
}

const same = (a, b) => a.row === b.row && a.column === b.column;

/** Cells from one to another, without the first (Bresenham). */
function line(from, to) {
  const [rows, columns] = [to.row - from.row, to.column - from.column];
  const steps = Math.max(Math.abs(rows), Math.abs(columns));
  return Array.from({ length: steps }, (_, index) => {
    const share = (index + 1) / steps;
    return [from.row + Math.round(rows * share), from.column + Math.round(columns * share)];
  });
}

function rectangle(from, to) {
  const cells = [];
  for (let row = Math.min(from.row, to.row); row <= Math.max(from.row, to.row); row += 1)
    for (let column = Math.min(from.column, to.column); column <= Math.max(from.column, to.column); column += 1)
      cells.push([row, column]);
  return cells;
}
