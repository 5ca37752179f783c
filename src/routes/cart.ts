import { type Request, Router } from 'express';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { methodNotAllowed, Problem } from '../errors.ts';
import { readBody } from './body.ts';

export interface CartItem {
  sku: string;
  quantity: number;
}

declare module 'express-session' {
  interface SessionData {
    /** In the order added. */
    cart?: CartItem[];
  }
}

const maxItems = 500;
const maxQuantity = 9999;

const body = z.strictObject({
  sku: z.string({ error: 'must be a string' }).regex(/^(?=.*[A-Za-z0-9])[\w.-]{1,64}$/, {
    error: 'must be 1 to 64 letters, digits, dots, dashes or underscores, not dots alone',
  }),
  quantity: z
    .int({ error: 'must be a whole number' })
    .min(1, { error: 'must be 1 or more' })
    .max(99, { error: 'must be 99 or less' }),
});

/** The cart, for visitors who are logged in or not. */
export function createCartRouter(context: Context): Router {
  const router = Router();
  router
    .route('/cart')
    .get(function readCart(req, res) {
      res.json({ items: req.session.cart ?? [] });
    })
    .all(methodNotAllowed('GET'));
  router
    .route('/cart/items')
    .post(async function postItem(req, res) {
      res.status(201).json({ items: await addItem(req, req.body, context) });
    })
    .all(methodNotAllowed('POST'));
  router
    .route('/cart/items/:sku')
    // nginx may deliver a DELETE twice, so the second must find nothing wrong.
    .delete(async function deleteItem(req, res) {
      res.json({ items: await removeItem(req, req.params.sku, context) });
    })
    .all(methodNotAllowed('DELETE'));
  return router;
}

/** @throws {Problem} invalid-body (400), cart-limit (422) */
export async function addItem(req: Request, item: unknown, { sessions }: Context): Promise<CartItem[]> {
  const { sku, quantity } = readBody(item, body);
  return sessions.update(req, (session) => {
    session.cart = withItem(session.cart ?? [], sku, quantity);
    return session.cart;
  });
}

/** Succeeds whether the item was there or not. */
export async function removeItem(req: Request, removed: string, { sessions }: Context): Promise<CartItem[]> {
  return sessions.update(req, (session) => {
    if (session.cart) session.cart = session.cart.filter(({ sku }) => sku !== removed);
    return session.cart ?? [];
  });
}

/** @throws {Problem} cart-limit (422) */
function withItem(cart: CartItem[], sku: string, quantity: number): CartItem[] {
  const total = quantity + (cart.find((item) => item.sku === sku)?.quantity ?? 0);
  if (total > maxQuantity)
    throw new Problem('cart-limit', `quantity: the cart holds at most ${maxQuantity} of one item.`);
  const known = cart.some((item) => item.sku === sku);
  if (known) return cart.map((item) => (item.sku === sku ? { sku, quantity: total } : item));
  if (cart.length >= maxItems)
    throw new Problem('cart-limit', `sku: the cart holds at most ${maxItems} different items.`);
  return [...cart, { sku, quantity }];
}
