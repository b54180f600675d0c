// Passing an event's address on: by what the device offers, else by copying it.
import { h, toast } from "./dom.js";
import { t } from "./language.js";

export async function share(title, path) {
  const url = new URL(path, location.origin).href;
  if (navigator.share) {
    try {
      return await navigator.share({ title, url });
    } catch (error) {
      // Thought better of it.
      if (error.name === "AbortError") return;
    }
  }
  const isCopied = await copy(url);
  toast(isCopied ? t("link-copied") : t("link-is", { url }));
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOld(text);
  }
}

/** Without TLS there is no clipboard. */
function copyOld(text) {
  const before = document.activeElement;
  const field = h("textarea", { readonly: true, class: "sr", value: text });
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  before?.focus();
  return isCopied;
}
