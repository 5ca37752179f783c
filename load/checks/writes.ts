import type { Operation } from '../history.ts';
import { byUser, type Violation } from './violation.ts';

/** A write is lost where an add was acknowledged, and a cart that was read afterwards does not have it. One violation a sku. */
export function findLostWrites(operations: Operation[]): Violation[] {
  const found: Violation[] = [];
  for (const [user, mine] of byUser(operations)) {
    const carts = mine.filter(({ kind, outcome, sawSkus }) => kind === 'cart' && outcome === 'ok' && sawSkus);
    for (const add of mine) {
      if (add.kind !== 'add' || add.outcome !== 'ok' || add.sku === undefined) continue;
      const { sku, end } = add;
      const without = carts.find((cart) => cart.start >= end && !cart.sawSkus?.includes(sku));
      if (!without) continue;
      const words = `${user} was told by ${add.replica} that ${sku} is in the cart; ${without.replica} later showed the cart without it`;
      found.push({ words, operations: [add, without] });
    }
  }
  return found;
}

/** Acknowledged adds of users whose cart was read after them: without that read nobody would know. */
export function countCheckedWrites(operations: Operation[]): number {
  let count = 0;
  for (const mine of byUser(operations).values()) {
    const lastRead = Math.max(-1, ...mine.filter(({ sawSkus }) => sawSkus).map(({ start }) => start));
    count += mine.filter(({ kind, outcome, end }) => kind === 'add' && outcome === 'ok' && end <= lastRead).length;
  }
  return count;
}
