import type { Entry, Mark, Tone } from '../protocol.ts';

/** The latest entries and marks, and which of them are new. */
export interface EventLog {
  readonly entries: Entry[];
  readonly marks: Mark[];
  /** @returns a function that replaces it */
  write(tone: Tone, text: string, at?: number): (tone: Tone, text: string) => void;
  mark(kind: Mark['kind'], name: string, at?: number): void;
  /** Entries and marks that were written or changed since the last call. */
  takeChanges(): { entries: Entry[]; marks: Mark[] };
}

const maxEntries = 200;
const maxMarks = 100;

export function createEventLog(): EventLog {
  const entries: Entry[] = [];
  const marks: Mark[] = [];
  const changed = { entries: new Set<Entry>(), marks: new Set<Mark>() };
  let ids = 0;
  return {
    entries,
    marks,
    write(tone, text, at = Date.now()) {
      const entry = { id: ++ids, at, tone, text };
      entries.push(entry);
      changed.entries.add(entry);
      if (entries.length > maxEntries) changed.entries.delete(entries.shift() as Entry);
      return (tone, text) => {
        Object.assign(entry, { tone, text });
        changed.entries.add(entry);
      };
    },
    mark(kind, name, at = Date.now()) {
      const mark = { id: ++ids, at, name, kind };
      marks.push(mark);
      changed.marks.add(mark);
      if (marks.length > maxMarks) changed.marks.delete(marks.shift() as Mark);
    },
    takeChanges() {
      const changes = { entries: [...changed.entries], marks: [...changed.marks] };
      changed.entries.clear();
      changed.marks.clear();
      return changes;
    },
  };
}
