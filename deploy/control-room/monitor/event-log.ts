import type { Tone } from './view.ts';

/** What happened, in words. An entry may change: from what is being done to what became of it. */
export interface Entry {
  id: number;
  /** Milliseconds since 1970. */
  at: number;
  tone: Tone;
  text: string;
}

/** A moment that the timeline shows. */
export interface Mark {
  id: number;
  at: number;
  name: string;
  kind: 'replica' | 'redis' | 'nginx' | 'other';
}

/** The last entries and marks, and which of them are new. */
export interface Journal {
  readonly entries: Entry[];
  readonly marks: Mark[];
  /** @returns a function that replaces it */
  write(tone: Tone, text: string, at?: number): (tone: Tone, text: string) => void;
  mark(kind: Mark['kind'], name: string, at?: number): void;
  /** Those that were written or changed since the last call. */
  news(): { entries: Entry[]; marks: Mark[] };
}

const mostEntries = 200;
const mostMarks = 100;

export function createJournal(): Journal {
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
      if (entries.length > mostEntries) changed.entries.delete(entries.shift() as Entry);
      return (tone, text) => {
        Object.assign(entry, { tone, text });
        changed.entries.add(entry);
      };
    },
    mark(kind, name, at = Date.now()) {
      const mark = { id: ++ids, at, name, kind };
      marks.push(mark);
      changed.marks.add(mark);
      if (marks.length > mostMarks) changed.marks.delete(marks.shift() as Mark);
    },
    news() {
      const news = { entries: [...changed.entries], marks: [...changed.marks] };
      changed.entries.clear();
      changed.marks.clear();
      return news;
    },
  };
}
