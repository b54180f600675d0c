// What a key means in the grid of a hall.
const PAGE_ROWS = 10;
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
// By their place on the keyboard, so that they work in every layout.
const LETTERS = { KeyS: "s", KeyA: "a", KeyX: "x", KeyG: "_", Delete: "_", Backspace: "_" };

/** `{to, isDrawing}` for a cell that comes next, `{letter}`, `{isTool: true}` for the tool in hand, or null. */
export function keyAction(event, { row, column }, { rowCount, columnCount }) {
  if (event.altKey) return null;
  const isJump = event.ctrlKey || event.metaKey;
  const arrow = ARROWS[event.key];
  if (arrow && !isJump)
    return { to: { row: row + arrow[0], column: column + arrow[1] }, isDrawing: event.shiftKey };
  const to = jump(event.key, isJump, { row, column, rowCount, columnCount });
  if (to) return { to };
  if (isJump) return null;
  if (event.key === " " || event.key === "Enter") return { isTool: true };
  return event.code in LETTERS ? { letter: LETTERS[event.code] } : null;
}

function jump(key, isJump, { row, column, rowCount, columnCount }) {
  switch (key) {
    case "Home":
      return { row: isJump ? 0 : row, column: 0 };
    case "End":
      return { row: isJump ? rowCount - 1 : row, column: columnCount - 1 };
    case "PageUp":
      return { row: Math.max(0, row - PAGE_ROWS), column };
    case "PageDown":
      return { row: row + PAGE_ROWS, column };
    default:
      return null;
  }
}
