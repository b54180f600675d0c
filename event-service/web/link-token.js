// The token of a link in a mail, which stands behind the address's `#`: out of the address, where others
// may read it or it is kept for years, and known to this tab alone until it is used, so that the page may
// be loaded again meanwhile.

const tokens = new Map();
const keyOf = (view) => `parterre-link-${view}`;

export function linkToken(view, given) {
  if (given) {
    tokens.set(view, given);
    try {
      sessionStorage.setItem(keyOf(view), given);
    } catch {
      // Storage is turned off: it is known until the page is loaded anew.
    }
    history.replaceState(history.state, "", `/${view}`);
  }
  return tokens.get(view) ?? kept(view);
}

function kept(view) {
  try {
    return sessionStorage.getItem(keyOf(view));
  } catch {
    return null;
  }
}

export function forgetToken(view) {
  tokens.delete(view);
  try {
    sessionStorage.removeItem(keyOf(view));
  } catch {
    // It was never there.
  }
}
