import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Judgement, judge } from './checks/judge.ts';
import { saveHistory } from './history.ts';
import { renderReport } from './report/terminal.ts';
import { type RunOptions, runPlan } from './run.ts';

const reports = fileURLToPath(new URL('../report', import.meta.url));

/** Runs a plan, saves its history, judges it and prints the verdict. Returns the judgement. */
export async function runAndJudge(options: RunOptions, json: boolean): Promise<Judgement> {
  const history = await runPlan(options);
  const file = path.join(reports, `${options.name}-${history.store}-${history.driver}.jsonl`);
  saveHistory(file, history);
  const judgement = judge(history);
  const saved = path.relative(process.cwd(), file);
  if (json) console.log(JSON.stringify({ ...judgement, faults: history.faults, seed: history.seed, history: saved }));
  else console.log(`${renderReport(history, judgement)}\nhistory: ${saved}`);
  return judgement;
}

/** 0 only on a pass; 1 on a fail; 2 where nothing can be said. */
export function exitCodeOf({ verdict }: Judgement): number {
  return { pass: 0, fail: 1, unknown: 2 }[verdict];
}
