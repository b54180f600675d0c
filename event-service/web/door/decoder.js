// Reads QR codes in pictures: by the browser where it can, else by the library beside us.
import { prepareZXingModule, readBarcodes } from "../vendor/zxing/reader/index.js";

const WASM = new URL("../vendor/zxing/zxing_reader.wasm", import.meta.url).href;
const OPTIONS = { formats: ["QRCode"], tryHarder: true, tryInvert: false, maxNumberOfSymbols: 1 };

prepareZXingModule({ overrides: { locateFile: () => WASM } });

// The browser's own reader gives up earlier on codes that are cracked or tilted: every other look is ours.
let looks = 0;
let detector;

async function browserDetector() {
  try {
    const formats = await globalThis.BarcodeDetector?.getSupportedFormats();
    return formats?.includes("qr_code") ? new BarcodeDetector({ formats: ["qr_code"] }) : null;
  } catch {
    return null;
  }
}

/** The text of a code in `{data, width, height}` (RGBA), or null. */
export async function read(image) {
  detector ??= browserDetector();
  const native = await detector;
  if (native && looks++ % 2 === 0) {
    try {
      const [code] = await native.detect(image);
      if (code?.rawValue) return code.rawValue;
    } catch {
      detector = Promise.resolve(null); // It is there, and does not work: Chromium without its service.
    }
  }
  return readByLibrary(image);
}

export async function readByLibrary(image) {
  const [code] = await readBarcodes(image, OPTIONS);
  return code?.text || null;
}
