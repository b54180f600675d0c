// Why somebody's place in line does not tell all. The service says it in English.
import { t } from "./language.js";

const PASSED = /^(?:A smaller group|(?<n>\d+) smaller groups) behind you went first/;

/** What the position of a waitlist entry does not tell by itself, or "". */
export function reasonOf({ reason, quantity }) {
  if (/not on sale now/.test(reason ?? "")) return t("waiting-not-on-sale");
  const passed = PASSED.exec(reason ?? "");
  return passed ? t("waiting-passed", { n: Number(passed.groups.n ?? 1), seats: quantity }) : "";
}
