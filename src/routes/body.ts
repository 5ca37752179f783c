import type { z } from 'zod';
import { Problem } from '../errors.ts';

/**
 * Validates a parsed body, JSON or a form, with a schema.
 * @throws {Problem} invalid-body (400), with every wrong field
 */
export function readBody<T extends z.ZodType>(body: unknown, schema: T): z.infer<T> {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue) => {
    const fields = issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.join('.') || 'body'];
    return fields.map((field) => ({
      field,
      message: issue.code === 'unrecognized_keys' ? 'is unknown' : issue.message,
    }));
  });
  const detail = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  throw new Problem('invalid-body', `${detail.slice(0, 500)}.`, { errors: errors.slice(0, 20) });
}
