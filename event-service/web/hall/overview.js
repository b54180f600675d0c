// The whole hall as a small picture, front rows on top, each seat a dot: for builders and drafts.
import { s } from "../dom.js";
import { t } from "../language.js";
import { ACCESSIBLE, BLOCKED, SEAT, isSold, widthOf } from "./plan.js";

const BETWEEN_SECTIONS = 1.6;
const STAGE = 2.4;

/** One path for each kind: a thousand dots cost one element. */
function dots(section, left, top) {
  const paths = { [SEAT]: "", [ACCESSIBLE]: "", [BLOCKED]: "", sold: "" };
  section.rows.forEach((row, index) => {
    for (let column = 0; column < row.letters.length; column += 1) {
      const kind = isSold(row, column) ? "sold" : row.letters[column];
      if (kind in paths) paths[kind] += `M${left + column + 0.5} ${top + index + 0.5}h0`;
    }
  });
  return Object.entries(paths).filter(([, path]) => path);
}

const CLASSES = { [SEAT]: "seats", [ACCESSIBLE]: "accessible", [BLOCKED]: "blocked", sold: "sold" };

/** An image of the sections, named by `label`; `current` is framed. */
export function overview(sections, { label, current = -1 }) {
  const width = sections.reduce((widest, section) => Math.max(widest, widthOf(section)), 12);
  let top = STAGE;
  const parts = [
    s("path", { class: "stage-line", d: `M${width * 0.25} 0.8h${width * 0.5}` }),
  ];
  sections.forEach((section, index) => {
    const left = (width - widthOf(section)) / 2;
    if (index === current)
      parts.push(
        s("rect", {
          class: "current",
          x: left - 0.4,
          y: top - 0.4,
          width: widthOf(section) + 0.8,
          height: section.rows.length + 0.8,
          rx: 0.5,
        }),
      );
    for (const [kind, d] of dots(section, left, top)) parts.push(s("path", { class: CLASSES[kind], d }));
    top += section.rows.length + BETWEEN_SECTIONS;
  });
  const viewBox = `-1 0 ${width + 2} ${top}`;
  return s("svg", { class: "hall-overview", viewBox, role: "img", "aria-label": label ?? t("hall.overview") }, parts);
}
