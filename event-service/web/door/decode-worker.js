// Decodes beside the page, so that the page stays live. A frame in, the text or null out.
import { read } from "./decoder.js";

let canvas = null;

function pixelsOf(bitmap) {
  canvas ??= new OffscreenCanvas(1, 1);
  const { width, height } = bitmap;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

addEventListener("message", async ({ data }) => {
  let text = null;
  try {
    text = await read(data.bitmap ? pixelsOf(data.bitmap) : data.pixels);
  } finally {
    postMessage(text);
  }
});
postMessage("ready");
