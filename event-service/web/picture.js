// An event's picture in the width that fits, or a pattern in the event's colour.
import { h } from "./dom.js";

// What the service stores of each; the last part of the address is the width.
const WIDTHS = [320, 640, 1280, 1920];

/** Decoration: the title beside it says what it is of. `sizes` is how wide it is shown; `isFirst` for what is
 * seen before anybody scrolls. */
export function picture(event, { sizes, isFirst = false }) {
  const frame = h("div", { class: "picture" });
  if (!event.image_url) {
    frame.classList.add("none");
    return frame;
  }
  const at = (width) => event.image_url.replace(/-\d+(?=\.webp$)/, `-${width}`);
  const image = h("img", {
    loading: isFirst ? "eager" : "lazy",
    fetchpriority: isFirst ? "high" : null,
    decoding: "async",
    alt: "",
    width: 640,
    height: 360,
    sizes,
    srcset: WIDTHS.map((width) => `${at(width)} ${width}w`).join(", "),
    src: at(640),
  });
  // Replaced or removed since the list was read.
  image.addEventListener("error", () => {
    image.remove();
    frame.classList.add("none");
  });
  frame.append(image);
  return frame;
}
