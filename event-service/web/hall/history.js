// Undo and redo: states as they were, since no change touches an older one.
const MOST_STEPS = 300;

export class History {
  constructor(state) {
    this.state = state;
    this.past = [];
    this.future = [];
    this.base = null;
  }

  /** A change that is still under way, such as a stroke or typing: one step with all that follow until `commit`. */
  live(state) {
    this.base ??= this.state;
    this.state = state;
  }

  /** Ends a step; answers whether anything has changed by it. */
  commit(state = this.state) {
    const before = this.base ?? this.state;
    this.base = null;
    this.state = state;
    if (before === state) return false;
    this.past = [...this.past.slice(1 - MOST_STEPS), before];
    this.future = [];
    return true;
  }

  /** Takes back what is under way. */
  cancel() {
    this.state = this.base ?? this.state;
    this.base = null;
  }

  undo() {
    this.commit();
    if (!this.past.length) return false;
    this.future.push(this.state);
    this.state = this.past.pop();
    return true;
  }

  redo() {
    if (!this.future.length) return false;
    this.past.push(this.state);
    this.state = this.future.pop();
    return true;
  }
}
